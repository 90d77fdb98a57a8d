using Cones.Data;
using Cones.Data.Masks;

namespace Cones.Visualization;

/// <summary>An object to be drawn: a box, a mask or both.</summary>
public sealed record PaintedObject
{
    /// <summary>The box in pixels of the image, or null.</summary>
    public BoundingBox? Box { get; init; }

    /// <summary>The mask, of the image's size, or null.</summary>
    public RleMask? Mask { get; init; }

    /// <summary>The class's place in its data set's list, which decides the colour.</summary>
    public int Category { get; init; }

    /// <summary>The text, mostly the class's name; null writes none.</summary>
    public string? Label { get; init; }

    /// <summary>The confidence, written after the label with two decimals, or null. The surest are drawn on top.</summary>
    public double? Score { get; init; }

    /// <summary>Whether lines are dashed, to tell ground truth from detections.</summary>
    public bool Dashed { get; init; }
}

/// <summary>How objects are drawn.</summary>
public sealed record PaintOptions
{
    /// <summary>
    /// Smaller images are enlarged by a whole factor until the longer side has this many pixels, for text needs room; 1 never enlarges.
    /// </summary>
    public int MinimumSide { get; init; } = 480;

    /// <summary>How much of a mask's colour covers the image, 0 to 1.</summary>
    public double MaskOpacity { get; init; } = 0.4;

    /// <summary>Thickness of lines in pixels of the result; null follows the image's size.</summary>
    public float? LineWidth { get; init; }

    /// <summary>Height of capital letters in pixels of the result; null follows the image's size. At least 8 are legible.</summary>
    public float? TextHeight { get; init; }

    /// <summary>Whether texts are written.</summary>
    public bool Labels { get; init; } = true;

    /// <summary>Whether every object has its own colour instead of its class's, for many objects of one class.</summary>
    public bool ColorByInstance { get; init; }
}
