using System.Globalization;

namespace Cones.Data;

/// <summary>
/// A box in pixels as COCO stores it: the upper left corner, width and height. Coordinates are continuous: the pixel in column x
/// covers x to x + 1, so a box around the whole image is [0, 0, W, H].
/// </summary>
/// <param name="X">The left edge.</param>
/// <param name="Y">The upper edge.</param>
/// <param name="Width">Right edge minus left edge.</param>
/// <param name="Height">Lower edge minus upper edge.</param>
public readonly record struct BoundingBox(double X, double Y, double Width, double Height)
{
    /// <summary>The right edge, x2 of an xyxy box.</summary>
    public double Right => X + Width;

    /// <summary>The lower edge, y2 of an xyxy box.</summary>
    public double Bottom => Y + Height;

    /// <summary>Width times height, in square pixels.</summary>
    public double Area => Width * Height;

    /// <summary>Whether all four numbers are finite.</summary>
    public bool IsFinite => double.IsFinite(X) && double.IsFinite(Y) && double.IsFinite(Width) && double.IsFinite(Height);

    /// <summary>Whether it covers something: width and height above 0.</summary>
    public bool HasExtent => Width > 0 && Height > 0;

    /// <summary>The box of two corners (xyxy).</summary>
    public static BoundingBox FromCorners(double x1, double y1, double x2, double y2) => new(x1, y1, x2 - x1, y2 - y1);

    /// <summary>The part inside an image; without extent where the box lies outside.</summary>
    public BoundingBox ClipTo(double width, double height) => FromCorners(
        Math.Clamp(X, 0, width), Math.Clamp(Y, 0, height), Math.Clamp(Right, 0, width), Math.Clamp(Bottom, 0, height));

    /// <summary>How many pixels the box reaches beyond an image on its worst side; 0 where it lies inside.</summary>
    public double Excess(double width, double height) =>
        Math.Max(0, Math.Max(Math.Max(-X, -Y), Math.Max(Right - width, Bottom - height)));

    /// <summary>Intersection over union, 0 where either box is empty.</summary>
    public double Iou(BoundingBox other)
    {
        var width = Math.Min(Right, other.Right) - Math.Max(X, other.X);
        var height = Math.Min(Bottom, other.Bottom) - Math.Max(Y, other.Y);
        if (!(width > 0 && height > 0)) return 0;
        return width * height / (Area + other.Area - (width * height));
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"[{X:0.###}, {Y:0.###}, {Width:0.###}, {Height:0.###}]");
}
