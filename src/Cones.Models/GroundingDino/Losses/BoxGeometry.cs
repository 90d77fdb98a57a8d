using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Losses;

/// <summary>Boxes in their two forms, and how far they overlap.</summary>
public static class BoxGeometry
{
    // Keeps areas of nothing apart from 0, in the boxes' own unit squared, as mmdet's.
    const double Eps = 1e-6;

    /// <summary>(cx, cy, w, h) to (x1, y1, x2, y2).</summary>
    /// <param name="boxes">[..., 4].</param>
    /// <returns>[..., 4].</returns>
    public static Tensor ToCorners(Tensor boxes)
    {
        using var scope = NewDisposeScope();
        var center = boxes.narrow(-1, 0, 2);
        var half = boxes.narrow(-1, 2, 2) / 2;
        return cat([center - half, center + half], -1).MoveToOuterDisposeScope();
    }

    /// <summary>Generalized intersection over union (arXiv 1902.09630) of boxes that are paired by broadcasting.</summary>
    /// <param name="a">[..., 4] (x1, y1, x2, y2).</param>
    /// <param name="b">[..., 4] (x1, y1, x2, y2).</param>
    /// <returns>[...], -1 to 1.</returns>
    public static Tensor GeneralizedIou(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        var (aMin, aMax, bMin, bMax) = (a.narrow(-1, 0, 2), a.narrow(-1, 2, 2), b.narrow(-1, 0, 2), b.narrow(-1, 2, 2));
        var overlap = Area((aMax.minimum(bMax) - aMin.maximum(bMin)).clamp_min(0));
        var union = (Area(aMax - aMin) + Area(bMax - bMin) - overlap).clamp_min(Eps);
        var hull = Area((aMax.maximum(bMax) - aMin.minimum(bMin)).clamp_min(0)).clamp_min(Eps);
        return ((overlap / union) - ((hull - union) / hull)).MoveToOuterDisposeScope();
    }

    static Tensor Area(Tensor size) => size.select(-1, 0) * size.select(-1, 1);
}
