using Cones.Models.Imaging;

namespace Cones.Data.Masks;

/// <summary>The outline of an instance: polygons, or a mask in run lengths.</summary>
public sealed class Segmentation
{
    // The reference takes polygons of four numbers for boxes x, y, w, h (_mask.pyx, frPyObjects).
    const int NumbersOfABox = 4;

    Segmentation(IReadOnlyList<double[]>? polygons, RleMask? mask)
    {
        Polygons = polygons;
        Mask = mask;
    }

    /// <summary>The polygons, each x0, y0, x1, y1, ... in pixels, or null.</summary>
    public IReadOnlyList<double[]>? Polygons { get; }

    /// <summary>The mask, or null where <see cref="Polygons"/> are given.</summary>
    public RleMask? Mask { get; }

    /// <summary>The union of polygons.</summary>
    /// <param name="polygons">
    /// At least one, each of pairs x, y. Where the first has 4 numbers, all are boxes x, y, w, h, as pycocotools reads them.
    /// </param>
    /// <exception cref="ArgumentException">There is none, or one has too few, an odd number of or impossible coordinates.</exception>
    public static Segmentation FromPolygons(IReadOnlyList<double[]> polygons)
    {
        ArgumentNullException.ThrowIfNull(polygons);
        if (polygons.Count == 0) throw new ArgumentException("there is no polygon", nameof(polygons));
        var boxes = polygons[0].Length == NumbersOfABox;
        foreach (var polygon in polygons)
        {
            if (polygon.Length % 2 != 0 || polygon.Length < NumbersOfABox || (boxes && polygon.Length != NumbersOfABox))
                throw new ArgumentException($"a polygon of {polygon.Length} numbers; at least 3 pairs of x and y are needed", nameof(polygons));
            if (polygon.Any(v => !(Math.Abs(v) <= PolygonRasterizer.Limit)))
                throw new ArgumentException($"a polygon has a coordinate that is no number up to {PolygonRasterizer.Limit}", nameof(polygons));
        }

        return new Segmentation(boxes ? [.. polygons.Select(p => Corners(new(p[0], p[1], p[2], p[3])))] : polygons, null);
    }

    /// <summary>A mask.</summary>
    public static Segmentation FromMask(RleMask mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        return new Segmentation(null, mask);
    }

    /// <summary>The four corners of a box as a polygon.</summary>
    public static Segmentation FromBox(BoundingBox box) => FromPolygons([Corners(box)]);

    /// <summary>The mask in an image of the given size; a mask in run lengths is returned as it is.</summary>
    public RleMask ToMask(int height, int width) =>
        Mask ?? RleMask.Merge([.. Polygons!.Select(p => PolygonRasterizer.Rasterize(p, height, width))]);

    /// <summary>The mirror image, left and right exchanged.</summary>
    /// <param name="size">The size of the image.</param>
    public Segmentation FlipHorizontal(ImageSize size) => Mask is { } mask
        ? FromMask(RleTransform.FlipHorizontal(mask))
        : Map((x, y) => (size.Width - x, y));

    /// <summary>The segmentation in the resized image: polygons are scaled, of a mask the nearest pixels are taken as Pillow does.</summary>
    public Segmentation Resize(ImageSize from, ImageSize to) => Mask is { } mask
        ? FromMask(RleTransform.Resize(mask, to))
        : Map((x, y) => (x * to.Width / from.Width, y * to.Height / from.Height));

    /// <summary>The segmentation in a part of the image. Polygons are moved, not cut: what is outside vanishes in <see cref="ToMask"/>.</summary>
    /// <param name="size">The size of the image.</param>
    /// <param name="x">The left column of the part.</param>
    /// <param name="y">The upper row of the part.</param>
    /// <param name="part">The size of the part.</param>
    public Segmentation Crop(ImageSize size, int x, int y, ImageSize part) => Mask is { } mask
        ? FromMask(RleTransform.Crop(mask, x, y, part))
        : Map((px, py) => (px - x, py - y));

    Segmentation Map(Func<double, double, (double X, double Y)> map) => new(
        [
            .. Polygons!.Select(polygon =>
            {
                var mapped = new double[polygon.Length];
                for (var i = 0; i < polygon.Length; i += 2) (mapped[i], mapped[i + 1]) = map(polygon[i], polygon[i + 1]);
                return mapped;
            }),
        ],
        null);

    static double[] Corners(BoundingBox box) => [box.X, box.Y, box.X, box.Bottom, box.Right, box.Bottom, box.Right, box.Y];
}
