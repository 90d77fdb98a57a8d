using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Imaging;

/// <summary>What becomes of an image whose shape is not the one asked for.</summary>
public enum VaeResizeMode
{
    /// <summary>It is stretched.</summary>
    Default,

    /// <summary>It is fitted inside; the border continues its edges.</summary>
    Fill,

    /// <summary>It covers the whole size; what hangs over is cut off.</summary>
    Crop,
}

/// <summary>Images to the input of a diffusion model's autoencoder and back (diffusers <c>VaeImageProcessor</c>).</summary>
/// <param name="vaeScaleFactor">Heights and widths are rounded down to multiples of it: pixels a latent.</param>
/// <param name="resample">The filter to resize with.</param>
/// <param name="doNormalize">Whether pixels go to -1..1; else to 0..1.</param>
public sealed class VaeImageProcessor(int vaeScaleFactor = 8, ResampleFilter resample = ResampleFilter.Lanczos, bool doNormalize = true)
{
    /// <summary>Heights and widths are multiples of it.</summary>
    public int VaeScaleFactor { get; } = vaeScaleFactor >= 1
        ? vaeScaleFactor
        : throw new ArgumentOutOfRangeException(nameof(vaeScaleFactor), $"{vaeScaleFactor}, at least 1 expected");

    /// <summary>Rounds a size down to multiples of <see cref="VaeScaleFactor"/>; a side may become 0.</summary>
    public ImageSize RoundDown(ImageSize size) => new(size.Height - (size.Height % VaeScaleFactor), size.Width - (size.Width % VaeScaleFactor));

    /// <summary>Resizes images to one size and turns them into a tensor.</summary>
    /// <param name="images">At least one.</param>
    /// <param name="size">Height and width, rounded down; null keeps the size of the images, which must then all be the same.</param>
    /// <param name="mode">What becomes of other shapes.</param>
    /// <returns>float32 [B, 3, H, W], -1..1.</returns>
    /// <exception cref="ArgumentException">The sizes differ or are smaller than the scale factor.</exception>
    public Tensor Preprocess(IReadOnlyList<RgbImage> images, ImageSize? size = null, VaeResizeMode mode = VaeResizeMode.Default)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0) throw new ArgumentException("no images given", nameof(images));
        if (size is null && images.Any(i => i.Size != images[0].Size))
            throw new ArgumentException($"the images have different sizes ({string.Join(", ", images.Select(i => i.Size).Distinct())}): give a size", nameof(size));
        var rounded = RoundDown(size ?? images[0].Size);
        if (rounded.Height == 0 || rounded.Width == 0)
            throw new ArgumentException($"{size ?? images[0].Size} (height x width) is smaller than the autoencoder's factor {VaeScaleFactor}", nameof(size));
        RgbImage[] resized = [.. images.Select(i => Resize(i, rounded, mode))];
        return (doNormalize ? PixelNormalizer.MinusOneToOne : PixelNormalizer.ZeroToOne).ToTensor(resized, rounded);
    }

    /// <summary>As the other overload, for one image: [1, 3, H, W].</summary>
    public Tensor Preprocess(RgbImage image, ImageSize? size = null, VaeResizeMode mode = VaeResizeMode.Default) => Preprocess([image], size, mode);

    /// <summary>Resizes one image to exactly <paramref name="size"/>.</summary>
    public RgbImage Resize(RgbImage image, ImageSize size, VaeResizeMode mode = VaeResizeMode.Default)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (mode == VaeResizeMode.Default) return image.Resize(size.Width, size.Height, resample);

        var wider = (double)image.Width / image.Height > (double)size.Width / size.Height;
        var taller = (double)image.Width / image.Height < (double)size.Width / size.Height;
        var limitedByWidth = mode == VaeResizeMode.Fill ? wider : taller;
        var limitedByHeight = mode == VaeResizeMode.Fill ? taller : wider;
        var width = limitedByHeight ? (int)((long)image.Width * size.Height / image.Height) : size.Width;
        var height = limitedByWidth ? (int)((long)image.Height * size.Width / image.Width) : size.Height;
        if (width < 1 || height < 1) throw new ArgumentException($"an image of {image.Size} (height x width) would be resized to {height}x{width}: it is too narrow", nameof(image));

        var resized = image.Resize(width, height, resample);
        var result = new RgbImage(size.Width, size.Height);
        var (x, y) = ((size.Width / 2) - (width / 2), (size.Height / 2) - (height / 2));
        result.Paste(resized, x, y);
        if (mode == VaeResizeMode.Fill) ExtendEdges(result, resized, x, y);
        return result;
    }

    /// <summary>The decoder's output in 0..1: <c>clamp(x/2 + 0.5)</c>.</summary>
    /// <param name="images">[B, 3, H, W], about -1..1.</param>
    public Tensor Denormalize(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        using var scope = NewDisposeScope();
        return (doNormalize ? images * 0.5 + 0.5 : images).clamp(0, 1).MoveToOuterDisposeScope();
    }

    /// <summary>The decoder's output as bytes, rounded half to even.</summary>
    /// <param name="images">[B, 3, H, W], about -1..1.</param>
    /// <returns>uint8 [B, H, W, 3].</returns>
    /// <exception cref="ArgumentException">Another shape.</exception>
    public Tensor ToBytes(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.dim() != 4 || images.shape[1] != 3)
            throw new ArgumentException($"[{string.Join(",", images.shape)}] given, [B,3,H,W] expected", nameof(images));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var unit = Denormalize(images.to(ScalarType.Float32)).permute(0, 2, 3, 1); // [B, H, W, 3]
        return (unit * 255).round().to(ScalarType.Byte).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>The decoder's output as images.</summary>
    /// <param name="images">[B, 3, H, W], about -1..1.</param>
    public IReadOnlyList<RgbImage> Postprocess(Tensor images)
    {
        using var scope = NewDisposeScope();
        return [.. ToBytes(images).unbind(0).Select(RgbImage.FromTensor)];
    }

    // diffusers resizes a box of zero height at the edge: bicubic weights there are 1.125 of the edge and -0.125 of its neighbour.
    // The border is as thick at the far side as at the near one, even where rounding leaves less room or more.
    static void ExtendEdges(RgbImage result, RgbImage inner, int x, int y)
    {
        if (y > 0)
        {
            var below = Math.Min(result.Height, y + inner.Height + y);
            for (var column = 0; column < inner.Width; column++)
            {
                var first = Beyond(inner[column, 0], inner[column, Math.Min(1, inner.Height - 1)]);
                var last = Beyond(inner[column, inner.Height - 1], inner[column, Math.Max(0, inner.Height - 2)]);
                for (var row = 0; row < y; row++) result[column, row] = first;
                for (var row = y + inner.Height; row < below; row++) result[column, row] = last;
            }
        }
        else if (x > 0)
        {
            var beside = Math.Min(result.Width, x + inner.Width + x);
            for (var row = 0; row < inner.Height; row++)
            {
                var first = Beyond(inner[0, row], inner[Math.Min(1, inner.Width - 1), row]);
                var last = Beyond(inner[inner.Width - 1, row], inner[Math.Max(0, inner.Width - 2), row]);
                for (var column = 0; column < x; column++) result[column, row] = first;
                for (var column = x + inner.Width; column < beside; column++) result[column, row] = last;
            }
        }
    }

    static Rgb Beyond(Rgb edge, Rgb neighbour) => new(Beyond(edge.R, neighbour.R), Beyond(edge.G, neighbour.G), Beyond(edge.B, neighbour.B));

    static byte Beyond(int edge, int neighbour) => (byte)Math.Clamp(((9 * edge) - neighbour + 4) >> 3, 0, 255);
}
