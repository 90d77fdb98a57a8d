using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>Intersection over union of boxes (left, top, right, bottom), [..., 4]; the leading dimensions broadcast.</summary>
static class BoxOverlap
{
    /// <summary>The intersection over union, [...].</summary>
    public static Tensor IntersectionOverUnion(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        return Areas(a, b).Iou.MoveToOuterDisposeScope();
    }

    /// <summary>The generalised intersection over union, [...], -1 to 1 (Rezatofighi et al. 2019).</summary>
    public static Tensor Generalized(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        var (iou, union) = Areas(a, b);
        var (low, high) = (minimum(a.narrow(-1, 0, 2), b.narrow(-1, 0, 2)), maximum(a.narrow(-1, 2, 2), b.narrow(-1, 2, 2)));
        var hull = (high - low).clamp_min(0).prod(-1);
        return (iou - ((hull - union) / hull)).MoveToOuterDisposeScope();
    }

    static (Tensor Iou, Tensor Union) Areas(Tensor a, Tensor b)
    {
        var (low, high) = (maximum(a.narrow(-1, 0, 2), b.narrow(-1, 0, 2)), minimum(a.narrow(-1, 2, 2), b.narrow(-1, 2, 2)));
        var common = (high - low).clamp_min(0).prod(-1);
        var union = Area(a) + Area(b) - common;
        return (common / union, union);
    }

    static Tensor Area(Tensor boxes) => (boxes.narrow(-1, 2, 2) - boxes.narrow(-1, 0, 2)).prod(-1);
}
