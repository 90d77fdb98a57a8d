using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Losses;

/// <summary>A query and the box of the target that it is to find.</summary>
/// <param name="Query">The query's index.</param>
/// <param name="Target">The box's index in its image's target.</param>
public readonly record struct Match(int Query, int Target);

/// <summary>The loss of a batch.</summary>
/// <param name="Total">The sum of <paramref name="Terms"/>, a scalar with gradient.</param>
/// <param name="Terms">
/// Weighted scalars by mmdet's names: <c>loss_cls</c>, <c>loss_bbox</c>, <c>loss_iou</c> of the last decoder layer, the same
/// with <c>d0_</c>, <c>d1_</c>, ... of the layers before it, and with <c>enc_</c> of the encoder's proposals.
/// </param>
/// <param name="Matches">
/// For <c>enc</c>, <c>dec0</c>, <c>dec1</c>, ...: each image's pairs, in the order of the queries.
/// </param>
public sealed record DetectionLoss(
    Tensor Total, IReadOnlyDictionary<string, Tensor> Terms, IReadOnlyDictionary<string, IReadOnlyList<IReadOnlyList<Match>>> Matches) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Total.Dispose();
        foreach (var term in Terms.Values) term.Dispose();
    }
}
