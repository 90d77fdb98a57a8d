using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Imaging;

/// <summary>Turns bytes into a network's input: <c>(x · factor - mean) / std</c> a channel, channels first.</summary>
/// <remarks>An 8-bit pixel has 256 values: each channel's results are computed once, in float32 as NumPy does.</remarks>
public sealed class PixelNormalizer
{
    readonly float[][] _values;

    /// <summary>A normaliser.</summary>
    /// <param name="factor">The rescale factor, mostly 1/255.</param>
    /// <param name="mean">Mean of R, G, B; null leaves the values as they are.</param>
    /// <param name="std">Standard deviation of R, G, B, none of them 0.</param>
    /// <exception cref="ArgumentException">Not three numbers, or a deviation of 0.</exception>
    public PixelNormalizer(double factor, IReadOnlyList<double>? mean = null, IReadOnlyList<double>? std = null)
        : this(Affine(factor, mean, std))
    {
    }

    PixelNormalizer(float[][] values) => _values = values;

    /// <summary>Pixels to -1..1 as <c>2x/255 - 1</c>, the range of diffusion models' autoencoders.</summary>
    public static PixelNormalizer MinusOneToOne { get; } = Uniform(v => (2 * (v / 255f)) - 1);

    /// <summary>Pixels to 0..1.</summary>
    public static PixelNormalizer ZeroToOne { get; } = Uniform(v => v / 255f);

    /// <summary>Normalises images into one tensor, each in the upper left corner; the rest is 0.</summary>
    /// <param name="images">At least one, none larger than the size.</param>
    /// <param name="size">Height and width of the tensor.</param>
    /// <returns>float32 [B, 3, H, W] on the CPU.</returns>
    /// <exception cref="ArgumentException">An image is larger.</exception>
    public Tensor ToTensor(IReadOnlyList<RgbImage> images, ImageSize size)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0) throw new ArgumentException("no images given", nameof(images));
        foreach (var image in images)
            if (image.Height > size.Height || image.Width > size.Width)
                throw new ArgumentException($"an image of {image.Size} (height x width) does not fit into {size}", nameof(images));

        var tensor = zeros([images.Count, 3, size.Height, size.Width], dtype: ScalarType.Float32);
        var target = MemoryMarshal.Cast<byte, float>(tensor.bytes);
        var plane = size.Height * size.Width;
        for (var i = 0; i < images.Count; i++)
            for (var c = 0; c < 3; c++)
                Write(images[i], c, target.Slice(((i * 3) + c) * plane, plane), size.Width);
        return tensor;
    }

    void Write(RgbImage image, int channel, Span<float> plane, int stride)
    {
        var values = _values[channel];
        for (var y = 0; y < image.Height; y++)
        {
            var row = image.Pixels.AsSpan(y * image.Width * 3, image.Width * 3);
            var to = plane.Slice(y * stride, image.Width);
            for (int x = 0, from = channel; x < to.Length; x++, from += 3) to[x] = values[row[from]];
        }
    }

    static PixelNormalizer Uniform(Func<int, float> value)
    {
        float[] values = [.. Enumerable.Range(0, 256).Select(value)];
        return new PixelNormalizer([values, values, values]);
    }

    static float[][] Affine(double factor, IReadOnlyList<double>? mean, IReadOnlyList<double>? std)
    {
        if ((mean is null) != (std is null)) throw new ArgumentException("mean and std are given together or not at all");
        if (mean is not null && (mean.Count != 3 || std!.Count != 3 || std.Any(s => (float)s == 0)))
            throw new ArgumentException($"mean [{string.Join(",", mean)}] and std [{string.Join(",", std!)}]: three numbers each, no std of 0, are needed");
        var values = new float[3][];
        for (var c = 0; c < 3; c++)
        {
            values[c] = new float[256];
            for (var v = 0; v < 256; v++)
            {
                var x = (float)(v * factor);
                values[c][v] = mean is null ? x : (x - (float)mean[c]) / (float)std![c];
            }
        }

        return values;
    }
}
