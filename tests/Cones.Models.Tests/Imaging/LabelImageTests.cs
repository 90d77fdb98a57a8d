using System.Buffers.Binary;
using System.IO.Compression;
using Cones.Models.Imaging;
using SkiaSharp;

namespace Cones.Models.Tests.Imaging;

public sealed class LabelImageTests : IDisposable
{
    readonly ImageTestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(255, 8)]
    [InlineData(256, 16)]
    [InlineData(65535, 16)]
    public void Numbers_come_back_in_as_many_bits_as_they_need(int largest, int bits)
    {
        var random = new Random(1);
        var labels = Enumerable.Range(0, 37 * 23).Select(_ => (ushort)random.Next(largest + 1)).ToArray();
        labels[5] = (ushort)largest;
        new LabelImage(37, 23, labels).Save(_folder.PathOf("a.png"));
        var loaded = LabelImage.Load(_folder.PathOf("a.png"));
        Assert.Equal((37, 23), (loaded.Width, loaded.Height));
        Assert.Equal(labels, loaded.Labels);
        Assert.Equal(bits, File.ReadAllBytes(_folder.PathOf("a.png"))[24]);
        Assert.Equal([_folder.PathOf("a.png")], Directory.GetFiles(_folder.Path));
        // Other programs can read it.
        Assert.Equal(new ImageSize(23, 37), RgbImage.Load(_folder.PathOf("a.png")).Size);
    }

    [Theory]
    [InlineData(SKPngEncoderFilterFlags.None)]
    [InlineData(SKPngEncoderFilterFlags.Sub)]
    [InlineData(SKPngEncoderFilterFlags.Up)]
    [InlineData(SKPngEncoderFilterFlags.Avg)]
    [InlineData(SKPngEncoderFilterFlags.Paeth)]
    public void Every_row_filter_is_undone(SKPngEncoderFilterFlags filter)
    {
        var values = new byte[31 * 17];
        for (var i = 0; i < values.Length; i++) values[i] = (byte)((i * i / 7) + (i % 31));
        unsafe
        {
            fixed (byte* p = values)
            {
                using var pixmap = new SKPixmap(new SKImageInfo(31, 17, SKColorType.Gray8, SKAlphaType.Opaque), (IntPtr)p);
                using var data = pixmap.Encode(new SKPngEncoderOptions(filter, 6));
                _folder.Write("a.png", data!.ToArray());
            }
        }

        Assert.Equal(values.Select(v => (ushort)v), LabelImage.Load(_folder.PathOf("a.png")).Labels);
    }

    [Theory]
    [InlineData(1, 0b10110000, new ushort[] { 1, 0, 1 })]
    [InlineData(2, 0b11001000, new ushort[] { 3, 0, 2 })]
    public void Narrow_palette_numbers_are_not_colours(int depth, byte row, ushort[] expected)
    {
        _folder.Write("a.png", Png(3, 1, depth, color: 3, interlace: 0, [0, row]));
        Assert.Equal(expected, LabelImage.Load(_folder.PathOf("a.png")).Labels);
    }

    [Fact]
    public void Files_that_hold_no_labels_are_refused()
    {
        void Refused(string reason, byte[] file)
        {
            var error = Assert.Throws<ConesException>(() => LabelImage.Load(_folder.Write("a.png", file)));
            Assert.StartsWith(_folder.PathOf("a.png"), error.Message);
            Assert.Contains(reason, error.Message);
        }

        Refused("has colours", _folder.Encoded(ImageTestFolder.Pattern(3, 3), "b.png"));
        Refused("not a PNG file", _folder.Encoded(ImageTestFolder.Pattern(3, 3), "b.jpg"));
        Refused("is interlaced", Png(3, 1, 8, 0, 1, [0, 1, 2, 3]));
        Refused("damaged", Png(3, 2, 8, 0, 0, [0, 1, 2, 3])); // a row is missing
        Refused("damaged", Png(3, 1, 8, 0, 0, [9, 1, 2, 3])); // no such filter
        Refused("damaged", Png(3, 1, 7, 0, 0, [0, 1, 2, 3])); // no such depth
        Refused("damaged", Png(0, 1, 8, 0, 0, [0]));
        Refused("more than the limit", Png(60000, 60000, 8, 0, 0, [0]));
        Assert.Throws<ConesException>(() => new LabelImage(1, 1, [1]).Save(_folder.PathOf("a.jpg")));
        Assert.Throws<ArgumentException>(() => new LabelImage(2, 2, [1]));
    }

    [Theory]
    [InlineData("a.png")]
    [InlineData("a.jpg")]
    [InlineData("a.webp")]
    public void A_header_says_the_size(string file)
    {
        ImageTestFolder.Pattern(37, 23).Save(_folder.PathOf(file));
        Assert.Equal(new ImageSize(23, 37), ImageHeader.ReadSize(_folder.PathOf(file)));
    }

    [Theory]
    [InlineData(1, 37, 23)]
    [InlineData(3, 37, 23)]
    [InlineData(6, 23, 37)]
    public void A_header_is_read_upright(int orientation, int width, int height)
    {
        var png = ImageTestFolder.InsertChunk(_folder.Encoded(ImageTestFolder.Pattern(37, 23), "b.png"), "eXIf", ImageTestFolder.Exif(orientation, littleEndian: true));
        var path = _folder.Write("a.png", png);
        Assert.Equal(new ImageSize(height, width), ImageHeader.ReadSize(path));
        Assert.Equal(ImageHeader.ReadSize(path), RgbImage.Load(path).Size);

        var jpeg = _folder.Encoded(ImageTestFolder.Pattern(37, 23), "b.jpg");
        byte[] exif = [.. "Exif\0\0"u8, .. ImageTestFolder.Exif(orientation, littleEndian: false)];
        path = _folder.Write("a.jpg", [0xff, 0xd8, 0xff, 0xe1, (byte)((exif.Length + 2) >> 8), (byte)(exif.Length + 2), .. exif, .. jpeg[2..]]);
        Assert.Equal(new ImageSize(height, width), ImageHeader.ReadSize(path));
    }

    [Fact]
    public void A_file_without_a_header_is_named()
    {
        Assert.Contains("does not exist", Assert.Throws<ConesException>(() => ImageHeader.ReadSize(_folder.PathOf("none.png"))).Message);
        Assert.Contains("is not a PNG", Assert.Throws<ConesException>(() => ImageHeader.ReadSize(_folder.Write("a.png", [1, 2, 3]))).Message);
        Assert.Contains("is not a PNG", Assert.Throws<ConesException>(() => ImageHeader.ReadSize(_folder.Write("b.png", []))).Message);
        Assert.Throws<ConesException>(() => ImageHeader.ReadSize(_folder.Path));
    }

    static byte[] Png(int width, int height, int depth, int color, int interlace, byte[] rows)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)color, (byte)interlace);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true)) zlib.Write(rows);
        // The checksums are not looked at.
        return [0x89, .. "PNG\r\n"u8, 0x1a, (byte)'\n', .. Chunk("IHDR", header), .. Chunk("IDAT", packed.ToArray()), .. Chunk("IEND", [])];
    }

    static byte[] Chunk(string type, byte[] data)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, data.Length);
        return [.. length, .. System.Text.Encoding.Latin1.GetBytes(type), .. data, 0, 0, 0, 0];
    }
}
