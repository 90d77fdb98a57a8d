using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Imaging;

/// <summary>A mask of 8 bit: 0 outside, 255 inside.</summary>
public sealed class MaskImage
{
    /// <summary>A mask over <paramref name="values"/>, which are not copied.</summary>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="values">width · height bytes, row after row.</param>
    /// <exception cref="ArgumentException">The size and the number of bytes disagree.</exception>
    public MaskImage(int width, int height, byte[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Length != RgbImage.ByteCount(width, height, 1))
            throw new ArgumentException($"{values.Length} bytes given, {width}x{height} pixels need {(long)width * height}", nameof(values));
        Width = width;
        Height = height;
        Values = values;
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The values, row after row.</summary>
    public byte[] Values { get; }

    /// <summary>
    /// Reads a mask from an image file: its alpha channel where any pixel is transparent, else its brightness (Pillow's
    /// <c>convert("L")</c>).
    /// </summary>
    /// <exception cref="ConesException">As <see cref="RgbImage.Load"/>.</exception>
    public static MaskImage Load(string path, ImageLoadOptions? options = null)
    {
        var decoded = ImageFile.Decode(path, options, keepsAlpha: true);
        var rgba = decoded.Values;
        var values = new byte[rgba.Length / 4];
        var transparent = false;
        for (var i = 3; i < rgba.Length && !transparent; i += 4) transparent = rgba[i] != 255;
        for (int from = 0, to = 0; to < values.Length; from += 4, to++)
            values[to] = transparent ? rgba[from + 3] : Luminance(rgba[from], rgba[from + 1], rgba[from + 2]);
        return new MaskImage(decoded.Width, decoded.Height, values);
    }

    /// <summary>Resizes as Pillow does; <see cref="ResampleFilter.Nearest"/> keeps a mask of two values one.</summary>
    public MaskImage Resize(int width, int height, ResampleFilter filter = ResampleFilter.Nearest) =>
        new(width, height, PilResize.Resize(Values, Width, Height, 1, width, height, filter));

    /// <summary>The mask as float32 in 0..1, [H, W].</summary>
    public Tensor ToTensor()
    {
        using var bytes = ByteTensors.Create(Values, Height, Width);
        return bytes.to(ScalarType.Float32).div_(255f);
    }

    /// <summary>The mask of a tensor.</summary>
    /// <param name="mask">[H, W]: truth values, or numbers that are clipped to 0..1.</param>
    /// <exception cref="ArgumentException">Another shape.</exception>
    public static MaskImage FromTensor(Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        if (mask.dim() != 2) throw new ArgumentException($"[{string.Join(",", mask.shape)}] given, [H,W] expected", nameof(mask));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var bytes = mask.to(ScalarType.Float32).clamp(0, 1).mul(255).round().to(ScalarType.Byte);
        return new MaskImage((int)mask.shape[1], (int)mask.shape[0], ByteTensors.Read(bytes));
    }

    /// <summary>The mask as a grey image, for viewing and saving.</summary>
    public RgbImage ToImage()
    {
        var pixels = new byte[Values.Length * 3];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = Values[i / 3];
        return new RgbImage(Width, Height, pixels);
    }

    // ITU-R 601 in 16-bit fixed point, rounded, as Pillow computes it.
    static byte Luminance(int r, int g, int b) => (byte)(((r * 19595) + (g * 38470) + (b * 7471) + 0x8000) >> 16);
}
