using static TorchSharp.torch;

namespace Cones.Models.Glip.Training;

/// <summary>The losses of a batch, scalars.</summary>
/// <param name="Token">The focal loss of pixels against tokens.</param>
/// <param name="Box">The generalised IoU loss of the positive anchors, with its weight.</param>
/// <param name="Centerness">The cross-entropy of the positive anchors' centerness.</param>
/// <param name="Total">Their sum.</param>
public sealed record GlipLosses(Tensor Token, Tensor Box, Tensor Centerness, Tensor Total) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Token.Dispose();
        Box.Dispose();
        Centerness.Dispose();
        Total.Dispose();
    }
}
