namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>What SDXL is told about an image's history; every pair is height (top), width (left), in pixels.</summary>
/// <remarks>Podell et al., 2023, section 2.2.</remarks>
public sealed record ImageSizes
{
    /// <summary>The size before cropping and resizing; null is the size of the image.</summary>
    public (int Height, int Width)? Original { get; init; }

    /// <summary>Where it was cropped.</summary>
    public (int Top, int Left) CropTopLeft { get; init; }

    /// <summary>The size that is wanted; null is the size of the image.</summary>
    public (int Height, int Width)? Target { get; init; }

    internal float[] Ids(int height, int width)
    {
        var (original, target) = (Original ?? (height, width), Target ?? (height, width));
        return [original.Height, original.Width, CropTopLeft.Top, CropTopLeft.Left, target.Height, target.Width];
    }
}
