using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Decoder;

/// <summary>What the encoder proposes; the chosen positions carry a gradient.</summary>
/// <param name="Indices">[B, Q], int64: the chosen positions, best first.</param>
/// <param name="Logits">[B, Q, T]: their class scores, minus infinity at padding.</param>
/// <param name="Boxes">[B, Q, 4]: their boxes (cx, cy, w, h) in 0..1; 1 where the position cannot hold an object.</param>
/// <param name="AllLogits">[B, N, T]: the class scores of all positions, without gradient; null unless asked for.</param>
/// <param name="AllBoxLogits">[B, N, 4]: the boxes of all positions before the sigmoid, without gradient; null unless asked for.</param>
public sealed record EncoderProposals(Tensor Indices, Tensor Logits, Tensor Boxes, Tensor? AllLogits, Tensor? AllBoxLogits) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Indices.Dispose();
        Logits.Dispose();
        Boxes.Dispose();
        AllLogits?.Dispose();
        AllBoxLogits?.Dispose();
    }

    /// <summary>Hands the tensors to the dispose scope around the current one.</summary>
    internal EncoderProposals MoveToOuterDisposeScope()
    {
        Indices.MoveToOuterDisposeScope();
        Logits.MoveToOuterDisposeScope();
        Boxes.MoveToOuterDisposeScope();
        AllLogits?.MoveToOuterDisposeScope();
        AllBoxLogits?.MoveToOuterDisposeScope();
        return this;
    }
}
