using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Detr;

/// <summary>Arithmetic of boxes, [..., 4].</summary>
static class Sam3Boxes
{
    /// <summary>Centre, width and height to left, top, right and bottom.</summary>
    public static Tensor ToCorners(Tensor boxes)
    {
        using var scope = NewDisposeScope();
        var (center, half) = (boxes.narrow(-1, 0, 2), boxes.narrow(-1, 2, 2) * 0.5);
        return cat([center - half, center + half], dim: -1).MoveToOuterDisposeScope();
    }

    /// <summary>The logits of numbers in 0..1, kept finite as DETR does it.</summary>
    public static Tensor InverseSigmoid(Tensor x)
    {
        const double eps = 1e-3;
        using var scope = NewDisposeScope();
        x = x.clamp(0, 1);
        return (x.clamp_min(eps) / (1 - x).clamp_min(eps)).log().MoveToOuterDisposeScope();
    }
}
