using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Bert;

/// <summary>Says which tokens a token may attend to.</summary>
public static class BertMask
{
    /// <summary>Brings a mask into the form that attention takes.</summary>
    /// <param name="mask">
    /// [B, T]: zero for padding, which nothing attends to; or [B, T, T]: zero where the token of a row may not attend to the
    /// token of a column, such as Grounding DINO's block for each phrase. Any type.
    /// </param>
    /// <returns>[B, 1, 1, T] or [B, 1, T, T], true where attention is allowed.</returns>
    /// <exception cref="ArgumentException">The shape is another.</exception>
    public static Tensor ForHeads(Tensor mask)
    {
        if (mask.dim() is not (2 or 3) || (mask.dim() == 3 && mask.shape[1] != mask.shape[2]))
            throw new ArgumentException($"the mask must be [B,T] or [B,T,T], not {ShapeCheck.Text(mask.shape)}", nameof(mask));
        using var scope = NewDisposeScope();
        var allowed = mask.ne(0);
        if (mask.dim() == 2) allowed = allowed.unsqueeze(1); // [B, T] -> [B, 1, T]
        return allowed.unsqueeze(1).MoveToOuterDisposeScope();
    }

    internal static void RequireForHeads(Tensor mask, long batch, long tokens)
    {
        if (mask.dtype != ScalarType.Bool) throw new ArgumentException($"the mask must be Bool (BertMask.ForHeads makes it), not {mask.dtype}", nameof(mask));
        if (mask.dim() != 4 || mask.shape[0] != batch || mask.shape[1] != 1 || (mask.shape[2] != 1 && mask.shape[2] != tokens) || mask.shape[3] != tokens)
            throw new ArgumentException($"the mask must be [{batch},1,1 or {tokens},{tokens}], not {ShapeCheck.Text(mask.shape)}", nameof(mask));
    }
}
