using Cones.Models.Imaging;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam;

/// <summary>Between images and the model: resizes and pads images, moves prompts into the resized image and masks back (<c>SamProcessor</c>).</summary>
public sealed class SamProcessor
{
    readonly ImageProcessor _images;

    /// <summary>A processor.</summary>
    /// <param name="config">What happens to images; null for SAM's: longest side 1024, padded to a square.</param>
    public SamProcessor(ImageProcessorConfig? config = null) => _images = new ImageProcessor(config ?? ImageProcessorConfig.Sam);

    /// <summary>Reads a folder's <c>preprocessor_config.json</c>; without one the defaults hold, which are those of Meta's files.</summary>
    /// <exception cref="ConesException">The file is broken.</exception>
    public static SamProcessor FromFolder(string folder)
    {
        var path = Path.Combine(folder, "preprocessor_config.json");
        return new SamProcessor(File.Exists(path) ? ImageProcessorConfig.SamFromFile(path) : null);
    }

    /// <summary>Prepares images; <see cref="ImageBatch.OriginalSizes"/> and <see cref="ImageBatch.ReshapedSizes"/> lead back.</summary>
    /// <exception cref="ArgumentException">There are no images, or one does not fit.</exception>
    public ImageBatch Preprocess(params IReadOnlyList<RgbImage> images) => _images.Preprocess(images);

    /// <summary>Moves points (x, y) or boxes (left, top, right, bottom) of the original image into the resized one.</summary>
    /// <param name="prompts">[..., 2] or [..., 4], in pixels.</param>
    /// <param name="original">The image's size.</param>
    /// <param name="reshaped">Its size after resizing, without padding.</param>
    /// <exception cref="ArgumentException">The last dimension is neither 2 nor 4.</exception>
    public static Tensor ScalePrompts(Tensor prompts, ImageSize original, ImageSize reshaped)
    {
        if (prompts.dim() == 0 || prompts.shape[^1] is not (2 or 4))
            throw new ArgumentException($"prompts must be points [...,2] or boxes [...,4], not {ShapeCheck.Text(prompts.shape)}", nameof(prompts));
        using var scope = NewDisposeScope();
        double[] factors = [(double)reshaped.Width / original.Width, (double)reshaped.Height / original.Height];
        var factor = tensor(prompts.shape[^1] == 2 ? factors : [.. factors, .. factors], dtype: ScalarType.Float32, device: prompts.device);
        return (prompts * factor).MoveToOuterDisposeScope();
    }

    /// <summary>Mask logits in the original image's pixels, float32; the mask is where they are above 0.</summary>
    /// <param name="masks">Logits as the model gives them, [..., h, w].</param>
    /// <param name="original">The image's size.</param>
    /// <param name="reshaped">Its size after resizing, without padding.</param>
    /// <param name="padded">The size of the model's input.</param>
    /// <returns>[..., H, W] of the original size.</returns>
    /// <exception cref="ArgumentException">The resized image is larger than the padded one, or there are no masks.</exception>
    public static Tensor MasksToImage(Tensor masks, ImageSize original, ImageSize reshaped, ImageSize padded)
    {
        if (masks.dim() < 2) throw new ArgumentException($"masks must be [...,h,w], not {ShapeCheck.Text(masks.shape)}", nameof(masks));
        if (reshaped.Height > padded.Height || reshaped.Width > padded.Width)
            throw new ArgumentException($"an image of {reshaped} (height x width) does not fit into {padded}", nameof(reshaped));
        var (height, width) = ((int)masks.shape[^2], (int)masks.shape[^1]);
        // To the padded square, without the padding, to the original size.
        var rows = BilinearWeights.Resize(reshaped.Height, original.Height).After(BilinearWeights.Resize(height, padded.Height));
        var columns = BilinearWeights.Resize(reshaped.Width, original.Width).After(BilinearWeights.Resize(width, padded.Width));
        return BilinearWeights.Apply(masks, rows, columns);
    }
}
