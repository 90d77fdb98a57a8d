using SkiaSharp;

namespace Cones.Models.Imaging;

/// <summary>What an image file says of itself, read without decoding it.</summary>
public static class ImageHeader
{
    // An orientation in a PNG file stands before the pixels; longer headers are colour profiles and comments.
    const int PngHeaderBytes = 1 << 16;

    /// <summary>The size that <see cref="RgbImage.Load"/> gives: upright, by the EXIF orientation.</summary>
    /// <exception cref="ConesException">The file does not exist, cannot be read or is no image.</exception>
    public static ImageSize ReadSize(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            var head = new byte[Math.Min(PngHeaderBytes, stream.Length)];
            stream.ReadExactly(head);
            stream.Position = 0;
            using var codec = SKCodec.Create(stream);
            if (codec is null) throw new ConesException($"{path} is not a PNG, JPEG, WebP, BMP or GIF image, or its header is damaged: convert it to one of these or download it again");
            var orientation = PngChunks.IsPng(head) ? PngOrientation(head) : (int)codec.EncodedOrigin;
            var size = new ImageSize(codec.Info.Height, codec.Info.Width);
            return Orientation.IsTransposed(orientation) ? new ImageSize(size.Width, size.Height) : size;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConesException($"{path} does not exist: check the path", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ConesException($"{path} cannot be read ({e.Message}): check what it is and its permissions", e);
        }
    }

    static int PngOrientation(byte[] head)
    {
        foreach (var (type, data) in PngChunks.Read(head))
            if (type == "eXIf") return ExifOrientation.Read(data.Span);
        return Orientation.Upright;
    }
}
