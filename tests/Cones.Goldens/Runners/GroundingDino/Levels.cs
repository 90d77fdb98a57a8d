using Cones.Models.GroundingDino.Vision;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Reads the sizes of maps.</summary>
static class Levels
{
    /// <summary>Of [levels, 2] (height, width).</summary>
    public static IReadOnlyList<FeatureLevel> Of(Tensor shapes) =>
        [.. Enumerable.Range(0, (int)shapes.shape[0]).Select(l => new FeatureLevel(shapes[l, 0].item<long>(), shapes[l, 1].item<long>()))];
}
