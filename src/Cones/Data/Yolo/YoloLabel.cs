using System.Globalization;
using Cones.Data.Masks;
using Cones.Models.Imaging;

namespace Cones.Data.Yolo;

/// <summary>A line of a YOLO label file: class, then centre and size of a box or the corners of a polygon, as fractions of the image.</summary>
/// <param name="Class">The class number, from 0.</param>
/// <param name="Box">The box in pixels.</param>
/// <param name="Segmentation">The polygon, or null of a box.</param>
sealed record YoloLabel(int Class, BoundingBox Box, Segmentation? Segmentation)
{
    // Tools round; what is further outside was not divided by the image's size.
    const double Tolerance = 0.01;
    const int NumbersOfABox = 4;

    /// <summary>Reads a line.</summary>
    /// <param name="line">Not blank.</param>
    /// <param name="size">The size of the image.</param>
    /// <param name="problem">What is wrong with it, the kind and the end of a sentence; null if nothing.</param>
    internal static YoloLabel? Parse(string line, ImageSize size, out (DataProblemKind Kind, string Sentence)? problem)
    {
        problem = null;
        var fields = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var numbers = new double[fields.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            if (double.TryParse(fields[i], NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[i])) continue;
            problem = (DataProblemKind.Malformed, $"has '{fields[i]}' where a number is needed");
            return null;
        }

        var values = numbers.AsSpan(1);
        if (values.Length != NumbersOfABox && (values.Length < 6 || values.Length % 2 != 0))
            problem = (DataProblemKind.Malformed, $"has {fields.Length} numbers: 5 of a box, or 1 and at least 3 pairs of a polygon are needed");
        else if (numbers[0] is not (>= 0 and < int.MaxValue) || numbers[0] != Math.Floor(numbers[0]))
            problem = (DataProblemKind.UnknownCategory, $"has the class {fields[0]}");
        else if (numbers.Skip(1).Any(v => !(v is >= -Tolerance and <= 1 + Tolerance)))
            problem = (DataProblemKind.InvalidNumber, "has a coordinate that is not in 0..1: they are fractions of the image's size");
        if (problem is not null) return null;
        return values.Length == NumbersOfABox ? Boxed((int)numbers[0], values, size) : Outlined((int)numbers[0], values, size);
    }

    static YoloLabel Boxed(int index, ReadOnlySpan<double> values, ImageSize size)
    {
        var (width, height) = (values[2] * size.Width, values[3] * size.Height);
        return new YoloLabel(index, new BoundingBox((values[0] * size.Width) - (width / 2), (values[1] * size.Height) - (height / 2), width, height), null);
    }

    static YoloLabel Outlined(int index, ReadOnlySpan<double> values, ImageSize size)
    {
        var polygon = new double[values.Length];
        double left = double.MaxValue, top = double.MaxValue, right = double.MinValue, bottom = double.MinValue;
        for (var i = 0; i < values.Length; i += 2)
        {
            var (x, y) = (values[i] * size.Width, values[i + 1] * size.Height);
            (polygon[i], polygon[i + 1]) = (x, y);
            (left, top, right, bottom) = (Math.Min(left, x), Math.Min(top, y), Math.Max(right, x), Math.Max(bottom, y));
        }

        return new YoloLabel(index, BoundingBox.FromCorners(left, top, right, bottom), Segmentation.FromPolygons([polygon]));
    }
}
