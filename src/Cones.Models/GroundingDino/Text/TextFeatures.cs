using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Text;

/// <summary>What the text encoder makes of B texts.</summary>
/// <param name="Hidden">[B, T, H]: the text encoder's last hidden state.</param>
/// <param name="Projected">[B, T, D]: the same in the detector's width. This is what a concept replaces.</param>
/// <param name="Masks">Which tokens exist, may attend to which, and where in its phrase each one stands.</param>
public sealed record TextFeatures(Tensor Hidden, Tensor Projected, TextMasks Masks) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Hidden.Dispose();
        Projected.Dispose();
        Masks.Dispose();
    }

    /// <summary>Hands the tensors to the dispose scope around the current one.</summary>
    internal TextFeatures MoveToOuterDisposeScope()
    {
        Hidden.MoveToOuterDisposeScope();
        Projected.MoveToOuterDisposeScope();
        Masks.MoveToOuterDisposeScope();
        return this;
    }
}
