namespace Cones.Data.Augmentation;

/// <summary>What the second corner of a box means.</summary>
public enum BoxConvention
{
    /// <summary>Edges are coordinates: a box over the whole image ends at W and H. COCO, mmdetection, Grounding DINO.</summary>
    Continuous,

    /// <summary>
    /// Corners are pixels that belong to the box: a box over the whole image ends at W - 1 and H - 1. GLIP and the Mask R-CNN
    /// code that it comes from (<c>BoxList</c> with <c>TO_REMOVE = 1</c>).
    /// </summary>
    Inclusive,
}

/// <summary>Boxes under a convention, as corners x1, y1, x2, y2: <see cref="BoundingBox.Right"/> is x2 and <see cref="BoundingBox.Bottom"/> y2.</summary>
public static class BoxConventions
{
    /// <summary>A COCO box under the convention; of inclusive corners x2 = x + max(w - 1, 0).</summary>
    public static BoundingBox FromCoco(this BoxConvention convention, BoundingBox box) => convention == BoxConvention.Continuous
        ? box
        : new BoundingBox(box.X, box.Y, Math.Max(box.Width - 1, 0), Math.Max(box.Height - 1, 0));

    /// <summary>The COCO box of corners under the convention; of inclusive corners w = x2 - x1 + 1.</summary>
    public static BoundingBox ToCoco(this BoxConvention convention, BoundingBox corners) =>
        new(corners.X, corners.Y, corners.Width + convention.Border(), corners.Height + convention.Border());

    /// <summary>The corners in the mirror image, left and right exchanged.</summary>
    public static BoundingBox FlipHorizontal(this BoxConvention convention, BoundingBox corners, int imageWidth) =>
        corners with { X = imageWidth - corners.Right - convention.Border() };

    /// <summary>The corners inside an image; without extent where they lie outside.</summary>
    public static BoundingBox Clip(this BoxConvention convention, BoundingBox corners, int imageWidth, int imageHeight) =>
        corners.ClipTo(imageWidth - convention.Border(), imageHeight - convention.Border());

    // The distance between the last coordinate and the image's size.
    static int Border(this BoxConvention convention) => convention == BoxConvention.Inclusive ? 1 : 0;
}
