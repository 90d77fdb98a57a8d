using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Detection;

/// <summary>
/// Ground-truth boxes as GLIP's data pipeline makes them of COCO's (<c>BoxList</c>): both corners belong to a box, so a box of width w
/// at x ends at x + w - 1. All boxes are [N, 4], x1, y1, x2, y2.
/// </summary>
public static class GlipBoxes
{
    /// <summary>Makes boxes of COCO's x, y, width, height, cut off at the image's border.</summary>
    /// <returns>[N, 4]; those that <see cref="IsValid"/> refuses are to be dropped.</returns>
    public static Tensor FromCoco(Tensor xywh, ImageSize image)
    {
        using var scope = NewDisposeScope();
        var corners = xywh.narrow(1, 0, 2); // [N, 2]
        var ends = corners + (xywh.narrow(1, 2, 2) - 1).clamp_min(0);
        return Clip(cat([corners, ends], 1), image).MoveToOuterDisposeScope();
    }

    /// <summary>Moves corners outside the image to its border: 0 to W - 1 and 0 to H - 1.</summary>
    public static Tensor Clip(Tensor boxes, ImageSize image)
    {
        using var scope = NewDisposeScope();
        var xs = boxes.index_select(1, tensor(new long[] { 0, 2 }, device: boxes.device)).clamp(0, image.Width - 1); // [N, 2]: x1, x2
        var ys = boxes.index_select(1, tensor(new long[] { 1, 3 }, device: boxes.device)).clamp(0, image.Height - 1); // [N, 2]: y1, y2
        return stack([xs, ys], 2).flatten(1).MoveToOuterDisposeScope(); // [N, 2, 2] -> x1, y1, x2, y2
    }

    /// <summary>Which boxes are wider and higher than one pixel; [N], Bool.</summary>
    public static Tensor IsValid(Tensor boxes)
    {
        using var scope = NewDisposeScope();
        return boxes.narrow(1, 2, 2).gt(boxes.narrow(1, 0, 2)).all(1).MoveToOuterDisposeScope();
    }

    /// <summary>Moves boxes with an image that is resized.</summary>
    public static Tensor Resize(Tensor boxes, ImageSize from, ImageSize to)
    {
        using var scope = NewDisposeScope();
        var (x, y) = ((double)to.Width / from.Width, (double)to.Height / from.Height);
        return (boxes * tensor(new[] { x, y, x, y }, dtype: boxes.dtype, device: boxes.device)).MoveToOuterDisposeScope();
    }

    /// <summary>Mirrors boxes with an image of <paramref name="width"/> pixels, left and right exchanged.</summary>
    public static Tensor FlipHorizontal(Tensor boxes, int width)
    {
        using var scope = NewDisposeScope();
        var (x1, y1, x2, y2) = (boxes.select(1, 0), boxes.select(1, 1), boxes.select(1, 2), boxes.select(1, 3));
        return stack([width - 1 - x2, y1, width - 1 - x1, y2], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Makes COCO's x, y, width, height of boxes: the width is x2 - x1 + 1.</summary>
    public static Tensor ToCoco(Tensor boxes)
    {
        using var scope = NewDisposeScope();
        var corners = boxes.narrow(1, 0, 2);
        return cat([corners, boxes.narrow(1, 2, 2) - corners + 1], 1).MoveToOuterDisposeScope();
    }
}
