using System.Security.Cryptography;
using System.Text;
using Cones.Models;
using Cones.Models.Imaging;

namespace Cones.Tasks.Segmentation;

/// <summary>A picture as a segmenter sees it: a file, maybe mirrored.</summary>
/// <param name="Path">The file.</param>
/// <param name="Size">The size.</param>
/// <param name="Flipped">Whether it is mirrored.</param>
/// <param name="ContentHash">SHA-256 of the file, 64 hexadecimal digits.</param>
public sealed record SegmentationImage(string Path, ImageSize Size, bool Flipped, string ContentHash)
{
    /// <summary>A picture of a file; reads its header and its bytes, but decodes nothing.</summary>
    /// <exception cref="ConesException">It cannot be read, or is no image.</exception>
    public static SegmentationImage FromFile(string path) => new(path, ImageHeader.ReadSize(path), Flipped: false, HashOf(path));

    /// <summary>The key of its features, for a segmenter's <see cref="ISegmenter.ImageFingerprint"/>.</summary>
    public string KeyFor(string imageFingerprint) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{imageFingerprint}:{ContentHash}:{Flipped}")));

    /// <summary>Reads the pixels.</summary>
    /// <exception cref="ConesException">The file cannot be decoded, or has changed its size.</exception>
    public RgbImage Load()
    {
        var image = RgbImage.Load(Path);
        if (image.Size != Size) throw new ConesException($"{Path} has {image.Width}x{image.Height} pixels, {Size.Width}x{Size.Height} were expected: did it change?");
        return Flipped ? image.FlipHorizontal() : image;
    }

    /// <summary>SHA-256 of a file, 64 hexadecimal digits.</summary>
    /// <exception cref="ConesException">It cannot be read.</exception>
    public static string HashOf(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be read ({e.Message}): check the path and its permissions", e);
        }
    }
}
