using Cones.Models.Imaging;

namespace Cones.Data.Augmentation;

/// <summary>How a network's own code turns "short side s, long side at most l" into a size: they differ by a pixel.</summary>
public static class ResizeRules
{
    /// <summary>A rule: the image's size, the short side wanted, the longest long side.</summary>
    public delegate ImageSize ResizeRule(ImageSize size, int shortSide, int longSide);

    /// <summary>GLIP (<c>data/transforms/transforms.py</c>, <c>Resize.get_size</c>): the long side follows from the rounded short one, cut off.</summary>
    public static ImageSize Glip(ImageSize size, int shortSide, int longSide)
    {
        double min = Math.Min(size.Height, size.Width), max = Math.Max(size.Height, size.Width);
        if (max / min * shortSide > longSide) shortSide = (int)Math.Round(longSide * min / max, MidpointRounding.ToEven);
        if (min == shortSide) return size;
        return AtLeastOne(size.Width < size.Height
            ? new ImageSize((int)((double)((long)shortSide * size.Height) / size.Width), shortSide)
            : new ImageSize(shortSide, (int)((double)((long)shortSide * size.Width) / size.Height)));
    }

    /// <summary>mmcv (<c>rescale_size</c>): both sides by one factor, rounded.</summary>
    public static ImageSize Mmcv(ImageSize size, int shortSide, int longSide)
    {
        // The larger number of a scale is the limit of the long side, whichever comes first.
        double longest = Math.Max(shortSide, longSide), shortest = Math.Min(shortSide, longSide);
        var factor = Math.Min(longest / Math.Max(size.Height, size.Width), shortest / Math.Min(size.Height, size.Width));
        return AtLeastOne(new ImageSize((int)((size.Height * factor) + 0.5), (int)((size.Width * factor) + 0.5)));
    }

    // A line of pixels stays one.
    static ImageSize AtLeastOne(ImageSize size) => new(Math.Max(1, size.Height), Math.Max(1, size.Width));
}
