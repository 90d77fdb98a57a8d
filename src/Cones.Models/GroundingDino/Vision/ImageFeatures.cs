using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Vision;

/// <summary>
/// What the detector takes of B images. It does not depend on the text: made once by
/// <see cref="GroundingDinoModel.EncodeImage"/>, it serves every prompt.
/// </summary>
/// <param name="Features">[B, N, D]: all levels' maps, one after the other, from the finest, row by row.</param>
/// <param name="PositionEmbedding">[B, N, D]: where each feature lies, and on which level.</param>
/// <param name="Padding">[B, N], bool: true outside the image; null where no image of the batch is padded.</param>
/// <param name="ValidRatios">[B, levels, 2], float32: the parts (width, height) of each map that the image takes.</param>
/// <param name="Levels">The sizes of the maps.</param>
public sealed record ImageFeatures(
    Tensor Features, Tensor PositionEmbedding, Tensor? Padding, Tensor ValidRatios, IReadOnlyList<FeatureLevel> Levels) : IDisposable
{
    /// <summary>B.</summary>
    public long Batch => Features.shape[0];

    /// <summary>Some images of the batch, as new tensors.</summary>
    public ImageFeatures Select(params ReadOnlySpan<long> images)
    {
        using var scope = NewDisposeScope();
        var rows = tensor(images.ToArray(), device: Features.device);
        return new ImageFeatures(
            Features.index_select(0, rows), PositionEmbedding.index_select(0, rows), Padding?.index_select(0, rows), ValidRatios.index_select(0, rows), Levels)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Features.Dispose();
        PositionEmbedding.Dispose();
        Padding?.Dispose();
        ValidRatios.Dispose();
    }

    /// <summary>Hands the tensors to the dispose scope around the current one.</summary>
    internal ImageFeatures MoveToOuterDisposeScope()
    {
        Features.MoveToOuterDisposeScope();
        PositionEmbedding.MoveToOuterDisposeScope();
        Padding?.MoveToOuterDisposeScope();
        ValidRatios.MoveToOuterDisposeScope();
        return this;
    }
}
