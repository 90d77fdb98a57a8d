using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Imaging;

/// <summary>A batch of preprocessed images.</summary>
/// <param name="PixelValues">float32 [B, 3, H, W], on the CPU.</param>
/// <param name="PixelMask">int64 [B, H, W]: 1 image, 0 padding.</param>
/// <param name="OriginalSizes">The sizes of the images given.</param>
/// <param name="ReshapedSizes">Their sizes inside the batch, without padding.</param>
public sealed record ImageBatch(
    Tensor PixelValues, Tensor PixelMask, IReadOnlyList<ImageSize> OriginalSizes, IReadOnlyList<ImageSize> ReshapedSizes) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        PixelValues.Dispose();
        PixelMask.Dispose();
    }
}

/// <summary>
/// Prepares images for a model: resize, centre crop, rescale, normalise, pad, each where the configuration says so.
/// </summary>
/// <remarks>
/// transformers <c>CLIPImageProcessorPil</c>, <c>GroundingDinoImageProcessorPil</c>, <c>SamImageProcessorPil</c>: the steps
/// are the same, the configurations differ. The torchvision variants resize with coarser weights and differ by at most one
/// 8-bit step in a few pixels.
/// </remarks>
public sealed class ImageProcessor
{
    readonly ImageProcessorConfig _config;
    readonly PixelNormalizer _normalizer;

    /// <summary>A processor.</summary>
    /// <exception cref="ArgumentException">Mean or deviation is not three usable numbers.</exception>
    public ImageProcessor(ImageProcessorConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _config = config;
        _normalizer = config.DoNormalize
            ? new PixelNormalizer(config.DoRescale ? config.RescaleFactor : 1, config.ImageMean, config.ImageStd)
            : new PixelNormalizer(config.DoRescale ? config.RescaleFactor : 1);
    }

    /// <summary>Prepares images. The tensors belong to the dispose scope that is open.</summary>
    /// <exception cref="ArgumentException">
    /// No images, sizes that differ where nothing pads, or an image larger than the padded size.
    /// </exception>
    public ImageBatch Preprocess(params IReadOnlyList<RgbImage> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0) throw new ArgumentException("no images given", nameof(images));
        RgbImage[] resized = [.. images.Select(Resize)];
        var size = BatchSize(resized);
        var values = _normalizer.ToTensor(resized, size);
        var mask = zeros([images.Count, size.Height, size.Width], dtype: ScalarType.Int64);
        for (var i = 0; i < resized.Length; i++)
        {
            using var scope = NewDisposeScope();
            mask[i].narrow(0, 0, resized[i].Height).narrow(1, 0, resized[i].Width).fill_(1);
        }

        return new ImageBatch(values, mask, [.. images.Select(i => i.Size)], [.. resized.Select(i => i.Size)]);
    }

    /// <summary>Resizes and crops one image, without normalising it: what the model sees, as a picture.</summary>
    public RgbImage Resize(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (_config.DoResize)
        {
            var size = _config.Size.Apply(image.Size);
            image = image.Resize(size.Width, size.Height, _config.Resample);
        }

        return _config.DoCenterCrop ? CenterCrop(image, _config.CropSize) : image;
    }

    ImageSize BatchSize(RgbImage[] images)
    {
        var largest = new ImageSize(images.Max(i => i.Height), images.Max(i => i.Width));
        if (_config.DoPad) return _config.PadSize ?? largest;
        return images.All(i => i.Size == largest)
            ? largest
            : throw new ArgumentException($"the images have different sizes ({string.Join(", ", images.Select(i => i.Size))}) and the configuration does not pad: give them one by one");
    }

    // transformers center_crop: an image smaller than the crop lies in the middle of zeros, with the odd line above and on the left.
    static RgbImage CenterCrop(RgbImage image, ImageSize crop)
    {
        var result = new RgbImage(crop.Width, crop.Height);
        result.Paste(image, -Begin(image.Width, crop.Width), -Begin(image.Height, crop.Height));
        return result;
    }

    static int Begin(int length, int crop) => length >= crop ? (length - crop) / 2 : -((crop - length + 1) / 2);
}
