using Cones.Models.Imaging;

namespace Cones.Models.Glip.Detection;

/// <summary>A box that was found. Both corners belong to it.</summary>
/// <param name="X1">Left, in pixels.</param>
/// <param name="Y1">Top.</param>
/// <param name="X2">Right.</param>
/// <param name="Y2">Bottom.</param>
/// <param name="Score">0 to 1: the root of class probability times centerness.</param>
/// <param name="Label">The class in the caption, from 1.</param>
public readonly record struct GlipDetection(float X1, float Y1, float X2, float Y2, float Score, int Label)
{
    /// <summary>Intersection over union, with widths that include both corners.</summary>
    public double IntersectionOverUnion(GlipDetection other)
    {
        var width = Math.Max(Math.Min((double)X2, other.X2) - Math.Max(X1, other.X1) + 1, 0);
        var height = Math.Max(Math.Min((double)Y2, other.Y2) - Math.Max(Y1, other.Y1) + 1, 0);
        var intersection = width * height;
        return intersection / (Area + other.Area - intersection);
    }

    /// <summary>The same box in an image that was resized.</summary>
    public GlipDetection Resize(ImageSize from, ImageSize to)
    {
        var (x, y) = ((double)to.Width / from.Width, (double)to.Height / from.Height);
        return this with { X1 = (float)(X1 * x), Y1 = (float)(Y1 * y), X2 = (float)(X2 * x), Y2 = (float)(Y2 * y) };
    }

    double Area => ((double)X2 - X1 + 1) * ((double)Y2 - Y1 + 1);
}
