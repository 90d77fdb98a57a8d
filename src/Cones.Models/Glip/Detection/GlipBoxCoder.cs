using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Detection;

/// <summary>
/// Boxes relative to anchors: offset of the centre over the anchor's size, times 10, and logarithm of the ratio of sizes, times 5
/// (<c>BoxCoder</c> of GLIP). A box includes both its corners: its width is x2 - x1 + 1.
/// </summary>
public static class GlipBoxCoder
{
    const double CenterWeight = 10;
    const double SizeWeight = 5;

    // A box is at most this many times the anchor's size.
    static readonly double s_largestLogRatio = Math.Log(1000.0 / 16);

    /// <summary>Encodes boxes [N, 4] (x1, y1, x2, y2) relative to anchors [N, 4].</summary>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public static Tensor Encode(Tensor boxes, Tensor anchors)
    {
        Check(boxes, anchors);
        using var scope = NewDisposeScope();
        var (boxCenters, boxSizes) = CentersAndSizes(boxes);
        var (anchorCenters, anchorSizes) = CentersAndSizes(anchors);
        var centers = (boxCenters - anchorCenters) * CenterWeight / anchorSizes; // [N, 2]
        var sizes = (boxSizes / anchorSizes).log() * SizeWeight; // [N, 2]
        return cat([centers, sizes], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Decodes what <see cref="Encode"/> made, or a model predicted; [N, 4].</summary>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public static Tensor Decode(Tensor deltas, Tensor anchors)
    {
        Check(deltas, anchors);
        using var scope = NewDisposeScope();
        var (anchorCenters, anchorSizes) = CentersAndSizes(anchors);
        var centers = (deltas.narrow(1, 0, 2) / CenterWeight * anchorSizes) + anchorCenters; // [N, 2]
        var sizes = (deltas.narrow(1, 2, 2) / SizeWeight).clamp_max(s_largestLogRatio).exp() * anchorSizes; // [N, 2]
        var halves = (sizes - 1) * 0.5;
        return cat([centers - halves, centers + halves], 1).MoveToOuterDisposeScope();
    }

    static (Tensor Centers, Tensor Sizes) CentersAndSizes(Tensor boxes)
    {
        var (low, high) = (boxes.narrow(1, 0, 2), boxes.narrow(1, 2, 2));
        return ((low + high) / 2, high - low + 1);
    }

    static void Check(Tensor values, Tensor anchors)
    {
        if (values.dim() != 2 || values.shape[1] != 4 || !values.shape.AsSpan().SequenceEqual(anchors.shape))
            throw new ArgumentException($"[{string.Join(",", values.shape)}] values and [{string.Join(",", anchors.shape)}] anchors given, [N,4] each expected");
    }
}
