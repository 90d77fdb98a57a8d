using Cones.Models.Glip.Configuration;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Detection;

/// <summary>Prepares images: resize, order of channels, normalise, pad at the right and at the bottom (<c>build_transforms</c> of GLIP).</summary>
public sealed class GlipImageProcessor
{
    readonly GlipInputConfig _config;
    readonly PixelNormalizer _normalizer;

    /// <summary>A processor.</summary>
    public GlipImageProcessor(GlipInputConfig config)
    {
        _config = config;
        // The normaliser takes channels as they lie in the image; the configuration lists them in the model's order.
        var (mean, std) = config.Bgr ? (config.Mean.Reverse(), config.Std.Reverse()) : (config.Mean, config.Std);
        _normalizer = new PixelNormalizer(config.To255 ? 1 : 1 / 255.0, [.. mean], [.. std]);
    }

    /// <summary>Prepares images. The tensors belong to the dispose scope that is open.</summary>
    /// <param name="images">At least one.</param>
    /// <returns>Pixels [B, 3, H, W], both sides multiples of <see cref="GlipInputConfig.SizeDivisibility"/>, padded with 0.</returns>
    /// <exception cref="ArgumentException">No images, or one so narrow that a side would get no pixel.</exception>
    public ImageBatch Preprocess(params IReadOnlyList<RgbImage> images)
    {
        if (images.Count == 0) throw new ArgumentException("no images given", nameof(images));
        RgbImage[] resized = [.. images.Select(Resize)];
        var size = PaddedSize(new ImageSize(resized.Max(i => i.Height), resized.Max(i => i.Width)));
        using var scope = NewDisposeScope();
        var mask = zeros([images.Count, size.Height, size.Width], dtype: ScalarType.Int64);
        for (var i = 0; i < resized.Length; i++) mask[i].narrow(0, 0, resized[i].Height).narrow(1, 0, resized[i].Width).fill_(1);
        return new ImageBatch(
            Normalize(resized, size).MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope(), [.. images.Select(i => i.Size)], [.. resized.Select(i => i.Size)]);
    }

    /// <summary>The size with both sides brought to multiples of <see cref="GlipInputConfig.SizeDivisibility"/>.</summary>
    public ImageSize PaddedSize(ImageSize size) => new(Padded(size.Height), Padded(size.Width));

    /// <summary>Resizes an image as the model sees it.</summary>
    /// <exception cref="ArgumentException">It is so narrow that a side would get no pixel.</exception>
    public RgbImage Resize(RgbImage image)
    {
        var size = ResizedSize(image.Size, _config.MinSize, _config.MaxSize);
        return image.Resize(size.Width, size.Height, ResampleFilter.Bilinear);
    }

    /// <summary>Normalises images that have their size already.</summary>
    /// <param name="images">At least one, none larger than the size.</param>
    /// <param name="size">Height and width of the tensor.</param>
    /// <returns>float32 [B, 3, H, W].</returns>
    public Tensor Normalize(IReadOnlyList<RgbImage> images, ImageSize size)
    {
        var pixels = _normalizer.ToTensor(images, size);
        if (!_config.Bgr) return pixels;
        using (pixels) return pixels.flip(1);
    }

    /// <summary>
    /// The size that an image is resized to: the short side gets <paramref name="minSize"/> pixels, or as many as leave the long side at
    /// most <paramref name="maxSize"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A side would get no pixel.</exception>
    public static ImageSize ResizedSize(ImageSize size, int minSize, int maxSize)
    {
        double shortSide = Math.Min(size.Height, size.Width), longSide = Math.Max(size.Height, size.Width);
        var target = longSide / shortSide * minSize > maxSize
            ? (int)Math.Round(maxSize * shortSide / longSide, MidpointRounding.ToEven)
            : minSize;
        if (target < 1) throw new ArgumentException($"an image of {size} (height x width) would have no pixel on its short side: it is too narrow", nameof(size));
        if ((int)shortSide == target) return size;
        // Unlike transformers' rule the long side follows from the rounded short one, and is cut, not rounded.
        return size.Width < size.Height
            ? new ImageSize((int)((double)((long)target * size.Height) / size.Width), target)
            : new ImageSize(target, (int)((double)((long)target * size.Width) / size.Height));
    }

    int Padded(int length)
    {
        var step = Math.Max(1, _config.SizeDivisibility);
        return (length + step - 1) / step * step;
    }
}
