using SkiaSharp;

namespace Cones.Models.Imaging;

/// <summary>How an image file is read.</summary>
public sealed record ImageLoadOptions
{
    /// <summary>Twice the number at which Pillow warns: the number of pixels above which it refuses to decode.</summary>
    public const long DefaultMaxPixels = 178_956_970;

    /// <summary>The largest number of pixels that is decoded; the header is checked before memory is taken.</summary>
    public long MaxPixels { get; init; } = DefaultMaxPixels;

    /// <summary>The colour to put behind transparent pixels. Null drops the alpha channel and keeps their stored colour, as Pillow's <c>convert("RGB")</c> does.</summary>
    public Rgb? Background { get; init; }
}

/// <summary>How an image file is written.</summary>
public sealed record ImageSaveOptions
{
    /// <summary>Quality of JPEG and WebP, 0 to 100; WebP of 100 is lossless.</summary>
    public int Quality { get; init; } = 95;

    /// <summary>Texts by keyword that a PNG file carries, see <see cref="PngText"/>; other formats leave them out.</summary>
    public IReadOnlyDictionary<string, string> Text { get; init; } = new Dictionary<string, string>();
}

/// <summary>Image files to <see cref="RgbImage"/> and back.</summary>
static class ImageFile
{
    const string Formats = "PNG, JPEG, WebP, BMP or GIF";
    const long MaxFileSize = 1L << 30;

    internal static RgbImage Load(string path, ImageLoadOptions? options)
    {
        var decoded = Decode(path, options, keepsAlpha: options?.Background is not null);
        return new RgbImage(decoded.Width, decoded.Height, options?.Background is { } background ? decoded.Over(background) : decoded.Rgb());
    }

    /// <summary>Decodes and turns upright.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">The limit of pixels.</param>
    /// <param name="keepsAlpha">Whether the alpha values are wanted; else the colours of transparent pixels.</param>
    internal static RgbaPixels Decode(string path, ImageLoadOptions? options, bool keepsAlpha)
    {
        options ??= new ImageLoadOptions();
        var bytes = ReadBytes(path);
        if (bytes.Length == 0) throw new ConesException($"{path} is empty: copy or download it again");
        if (!keepsAlpha && bytes.AsSpan().StartsWith("GIF"u8)) GifTransparency.Remove(bytes);
        using var data = SKData.CreateCopy(bytes);
        using var codec = SKCodec.Create(data);
        if (codec?.EncodedFormat is not (SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Webp or SKEncodedImageFormat.Bmp or SKEncodedImageFormat.Gif))
            throw new ConesException($"{path} is not a {Formats} image, or its header is damaged: convert it to one of these or download it again");

        var (width, height) = (codec.Info.Width, codec.Info.Height);
        var pixels = (long)width * height;
        if (pixels > options.MaxPixels || 4 * pixels > Array.MaxLength)
            throw new ConesException($"{path} has {width}x{height} = {pixels} pixels, more than the limit of {Math.Min(options.MaxPixels, Array.MaxLength / 4)}: make it smaller");

        // The alpha must not be multiplied in: that would lose the colours of transparent pixels. No colour space: profiles are ignored.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var rgba = new byte[(int)(4 * pixels)];
        SKCodecResult result;
        unsafe
        {
            fixed (byte* p = rgba) result = codec.GetPixels(info, (IntPtr)p);
        }

        // A partial picture is reported as IncompleteInput or ErrorInInput.
        if (result != SKCodecResult.Success)
            throw new ConesException($"{path} is cut off or damaged ({result}): copy or download it again");

        // Skia does not report the orientation of PNG files.
        var orientation = codec.EncodedFormat == SKEncodedImageFormat.Png ? PngOrientation(bytes) : (int)codec.EncodedOrigin;
        rgba = Orientation.Apply(rgba, width, height, 4, orientation);
        return Orientation.IsTransposed(orientation) ? new RgbaPixels(height, width, rgba) : new RgbaPixels(width, height, rgba);
    }

    internal static byte[] ReadBytes(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) throw new ConesException($"{path} is a folder: name an image file in it");
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (!stream.CanSeek) throw new ConesException($"{path} is not a regular file: save the image to one first");
            if (stream.Length > MaxFileSize) throw new ConesException($"{path} has {stream.Length} bytes, more than the {MaxFileSize} that an image may have: make it smaller");
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConesException($"{path} does not exist: check the path", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ConesException($"{path} may not be read: change its permissions", e);
        }
        catch (IOException e)
        {
            throw new ConesException($"{path} cannot be read ({e.Message}): copy it to another place", e);
        }
    }

    internal static void Save(RgbImage image, string path, ImageSaveOptions? options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        WriteBytes(path, Encode(image, path, options ?? new ImageSaveOptions()));
    }

    /// <summary>Writes beside the place and moves there, so that no half of a file is ever seen.</summary>
    internal static void WriteBytes(string path, byte[] bytes)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(temporary)) File.Delete(temporary);
            throw new ConesException($"{path} cannot be written ({e.Message}): check that its folder exists, may be written and has room", e);
        }
    }

    static byte[] Encode(RgbImage image, string path, ImageSaveOptions options)
    {
        if (options.Quality is < 0 or > 100) throw new ArgumentOutOfRangeException(nameof(options), $"quality {options.Quality} is not in 0..100");
        var rgbx = new byte[RgbImage.ByteCount(image.Width, image.Height, 4)];
        for (int from = 0, to = 0; from < image.Pixels.Length; from += 3, to += 4)
            (rgbx[to], rgbx[to + 1], rgbx[to + 2], rgbx[to + 3]) = (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2], 255);

        unsafe
        {
            fixed (byte* p = rgbx)
            {
                using var pixmap = new SKPixmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque), (IntPtr)p);
                using var encoded = Path.GetExtension(path).ToLowerInvariant() switch
                {
                    ".png" => pixmap.Encode(SKPngEncoderOptions.Default),
                    ".jpg" or ".jpeg" => pixmap.Encode(new SKJpegEncoderOptions(options.Quality, SKJpegEncoderDownsample.Downsample444, SKJpegEncoderAlphaOption.Ignore)),
                    ".webp" => pixmap.Encode(new SKWebpEncoderOptions(options.Quality == 100 ? SKWebpEncoderCompression.Lossless : SKWebpEncoderCompression.Lossy, options.Quality)),
                    _ => throw new ConesException($"{path} cannot be written as an image: end its name in .png, .jpg or .webp"),
                };
                if (encoded is null) throw new ConesException($"{path} cannot be written: {image.Width}x{image.Height} pixels are too many for its format, choose another");
                return options.Text.Count > 0 && PngChunks.IsPng(encoded.Span) ? PngText.Insert(encoded.Span, options.Text) : encoded.ToArray();
            }
        }
    }

    static int PngOrientation(ReadOnlyMemory<byte> file)
    {
        foreach (var (type, data) in PngChunks.Read(file))
            if (type == "eXIf") return ExifOrientation.Read(data.Span);
        return Orientation.Upright;
    }
}
