using Cones.Models.GroundingDino.Losses;
using Cones.Models.Imaging;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Reads <c>in.targets.*</c> and writes assignments as the cases store them.</summary>
static class Targets
{
    public static IReadOnlyList<DetectionTarget> Of(GoldenCase golden)
    {
        var sizes = golden.Tensors["in.image_sizes"];
        return
        [
            .. Enumerable.Range(0, (int)sizes.shape[0]).Select(i => new DetectionTarget(
                golden.Tensors[$"in.targets.{i}.boxes"],
                golden.Tensors[$"in.targets.{i}.positive_map"],
                new ImageSize((int)sizes[i, 0].item<long>(), (int)sizes[i, 1].item<long>()))),
        ];
    }

    /// <summary>[2, G]: the queries, then their targets.</summary>
    public static Tensor ToTensor(IReadOnlyList<Match> matches) =>
        tensor(matches.Select(m => (long)m.Query).Concat(matches.Select(m => (long)m.Target)).ToArray()).view(2, matches.Count);
}
