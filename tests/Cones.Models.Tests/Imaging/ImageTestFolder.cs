using System.Buffers.Binary;
using System.Text;
using Cones.Models.Imaging;

namespace Cones.Models.Tests.Imaging;

/// <summary>A temporary folder for image files, and the files of formats that the library only reads.</summary>
sealed class ImageTestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("cones-imaging-").FullName;

    /// <summary>An image in which every pixel differs from its neighbours.</summary>
    public static RgbImage Pattern(int width, int height, int seed = 1)
    {
        var pixels = new byte[width * height * 3];
        new Random(seed).NextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    /// <summary>2x2 pixels of the palette red, green, blue, white; the transparent colour is that of the first pixel.</summary>
    public static byte[] TransparentGif() =>
    [
        .. "GIF89a"u8, 2, 0, 2, 0, 0x91, 0, 0,
        255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255,
        0x21, 0xfe, 2, (byte)'h', (byte)'i', 0,
        0x21, 0xf9, 4, 1, 0, 0, 0, 0,
        0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0,
        2, 3, .. Codes(4, 0, 1, 4, 2, 3, 5), 0, 0x3b,
    ];

    /// <summary>Puts a chunk behind the header of a PNG file.</summary>
    public static byte[] InsertChunk(byte[] png, string type, byte[] data)
    {
        var chunk = new byte[12 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        Encoding.Latin1.GetBytes(type, chunk.AsSpan(4));
        data.CopyTo(chunk, 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc(chunk.AsSpan(4, 4 + data.Length)));
        return [.. png[..33], .. chunk, .. png[33..]];
    }

    /// <summary>An EXIF block that holds an orientation, after another entry.</summary>
    public static byte[] Exif(int orientation, bool littleEndian)
    {
        byte[] Number(int size, int value)
        {
            var bytes = BitConverter.GetBytes(value)[..size];
            return littleEndian ? bytes : [.. bytes.Reverse()];
        }

        byte[] Entry(int tag, int value) => [.. Number(2, tag), .. Number(2, 3), .. Number(4, 1), .. Number(2, value), 0, 0];

        return
        [
            .. littleEndian ? "II*\0"u8 : "MM\0*"u8, .. Number(4, 8),
            .. Number(2, 2), .. Entry(0x0100, 99), .. Entry(0x0112, orientation), .. Number(4, 0),
        ];
    }

    public string PathOf(string file) => System.IO.Path.Combine(Path, file);

    public string Write(string file, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(file), bytes);
        return PathOf(file);
    }

    public byte[] Encoded(RgbImage image, string file, ImageSaveOptions? options = null)
    {
        image.Save(PathOf(file), options);
        return File.ReadAllBytes(PathOf(file));
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    // LZW codes of 3 bits, the first in the lowest bits.
    static byte[] Codes(params int[] codes)
    {
        var bits = codes.Select((code, i) => code << (3 * i)).Sum();
        return [(byte)bits, (byte)(bits >> 8), (byte)(bits >> 16)];
    }

    static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? 0xedb88320 ^ (crc >> 1) : crc >> 1;
        }

        return ~crc;
    }
}
