using Cones.Data.Masks;
using Cones.Models.Imaging;

namespace Cones.Data.Augmentation;

/// <summary>An object of a training sample.</summary>
public sealed record SampleInstance
{
    /// <summary>The class, a place in the data set's list.</summary>
    public required int Category { get; init; }

    /// <summary>The corners in pixels of the sample's image, under its convention.</summary>
    public required BoundingBox Corners { get; init; }

    /// <summary>Whether it marks a crowd.</summary>
    public bool IsCrowd { get; init; }

    /// <summary>The outline, or null.</summary>
    public Segmentation? Segmentation { get; init; }
}

/// <summary>An image with its objects on the way to a network.</summary>
public sealed record DetectionSample
{
    /// <summary>The pixels.</summary>
    public required RgbImage Image { get; init; }

    /// <summary>What second corners mean.</summary>
    public required BoxConvention Convention { get; init; }

    /// <summary>The objects.</summary>
    public required IReadOnlyList<SampleInstance> Instances { get; init; }

    /// <summary>A sample as the data set has it: boxes are cut at the border, those without extent left out.</summary>
    /// <param name="dataset">The data set, for its classes; objects of other classes are left out.</param>
    /// <param name="image">The image.</param>
    /// <param name="pixels">Its pixels, <see cref="DatasetImage.Load"/>.</param>
    /// <param name="convention">What second corners mean.</param>
    /// <param name="keepCrowds">Whether crowds are kept; GLIP trains without them.</param>
    /// <exception cref="ArgumentException">The pixels have another size than the image.</exception>
    public static DetectionSample Create(DetectionDataset dataset, DatasetImage image, RgbImage pixels, BoxConvention convention, bool keepCrowds = false)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.Size != image.Size) throw new ArgumentException($"the pixels are {pixels.Size} (height x width), image {image.Id} is {image.Size}", nameof(pixels));
        var instances = image.Annotations
            .Where(a => (keepCrowds || !a.IsCrowd) && dataset.CategoryIndex(a.CategoryId) >= 0)
            .Select(a => new SampleInstance
            {
                Category = dataset.CategoryIndex(a.CategoryId),
                Corners = convention.FromCoco(a.Box),
                IsCrowd = a.IsCrowd,
                Segmentation = a.Segmentation,
            });
        return new DetectionSample { Image = pixels, Convention = convention, Instances = [.. instances] }.ClipToImage();
    }

    /// <summary>The mirror image, left and right exchanged.</summary>
    public DetectionSample FlipHorizontal() => this with
    {
        Image = Image.FlipHorizontal(),
        Instances = [.. Instances.Select(i => i with { Corners = Convention.FlipHorizontal(i.Corners, Image.Width), Segmentation = i.Segmentation?.FlipHorizontal(Image.Size) })],
    };

    /// <summary>The image in another size: corners are multiplied by new over old size, under either convention.</summary>
    public DetectionSample Resize(ImageSize size)
    {
        if (size == Image.Size) return this;
        var (x, y) = ((double)size.Width / Image.Width, (double)size.Height / Image.Height);
        return this with
        {
            Image = Image.Resize(size.Width, size.Height, ResampleFilter.Bilinear),
            Instances =
            [
                .. Instances.Select(i => i with
                {
                    Corners = BoundingBox.FromCorners(i.Corners.X * x, i.Corners.Y * y, i.Corners.Right * x, i.Corners.Bottom * y),
                    Segmentation = i.Segmentation?.Resize(Image.Size, size),
                }),
            ],
        };
    }

    /// <summary>A part of the image; boxes are cut at its border, those without extent left out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie inside.</exception>
    public DetectionSample Crop(int x, int y, ImageSize size)
    {
        var part = Image.Crop(x, y, size.Width, size.Height);
        var moved = this with
        {
            Image = part,
            Instances =
            [
                .. Instances.Select(i => i with { Corners = i.Corners with { X = i.Corners.X - x, Y = i.Corners.Y - y } })
                    .Where(i => Convention.Clip(i.Corners, size.Width, size.Height).HasExtent)
                    .Select(i => i with { Segmentation = i.Segmentation?.Crop(Image.Size, x, y, size) }),
            ],
        };
        return moved.ClipToImage();
    }

    /// <summary>Boxes cut at the border, those without extent left out.</summary>
    public DetectionSample ClipToImage() => this with
    {
        Instances =
        [
            .. Instances.Select(i => i with { Corners = Convention.Clip(i.Corners, Image.Width, Image.Height) }).Where(i => i.Corners.HasExtent),
        ],
    };
}
