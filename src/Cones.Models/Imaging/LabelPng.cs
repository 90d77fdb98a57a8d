using System.Buffers.Binary;
using System.IO.Compression;

namespace Cones.Models.Imaging;

/// <summary>
/// PNG files of one channel (W3C PNG, third edition). The general decoder gives colours: it scales 16 bit down and applies palettes,
/// which would change numbers.
/// </summary>
static class LabelPng
{
    const int Grey = 0;
    const int Palette = 3;
    const byte FilterUp = 2;

    internal static LabelImage Read(string path, byte[] file, long maxPixels)
    {
        if (!PngChunks.IsPng(file)) throw new ConesException($"{path} is not a PNG file: convert the label image to PNG");
        var chunks = PngChunks.Read(file).ToArray();
        if (chunks.Length == 0 || chunks[0].Type != "IHDR" || chunks[0].Data.Length != 13) throw Damaged(path);
        var header = chunks[0].Data.Span;
        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(header), BinaryPrimitives.ReadInt32BigEndian(header[4..]));
        var (depth, color, interlace) = (header[8], header[9], header[12]);
        if (width < 1 || height < 1) throw Damaged(path);
        if ((long)width * height > maxPixels) throw new ConesException($"{path} has {width}x{height} pixels, more than the limit of {maxPixels}: make it smaller");
        if (color is not (Grey or Palette)) throw new ConesException($"{path} has colours or transparency, a label image has one number a pixel: save it as a grey or palette PNG");
        if (depth is not (1 or 2 or 4 or 8 or 16) || (color == Palette && depth == 16)) throw Damaged(path);
        if (interlace != 0) throw new ConesException($"{path} is interlaced: save it without interlacing");

        var stride = ((width * depth) + 7) / 8;
        var rows = Inflate(path, chunks, checked((stride + 1) * height));
        Unfilter(path, rows, stride, height, Math.Max(1, depth / 8));
        var labels = new ushort[width * height];
        for (var y = 0; y < height; y++) Unpack(rows.AsSpan((y * (stride + 1)) + 1, stride), depth, labels.AsSpan(y * width, width));
        return new LabelImage(width, height, labels);
    }

    internal static byte[] Write(LabelImage image)
    {
        var wide = image.Labels.AsSpan().ContainsAnyExceptInRange<ushort>(0, 255);
        var stride = image.Width * (wide ? 2 : 1);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            // Most pixels have the label of the pixel above.
            var (above, row, line) = (new byte[stride], new byte[stride], new byte[stride + 1]);
            line[0] = FilterUp;
            for (var y = 0; y < image.Height; y++)
            {
                for (var x = 0; x < image.Width; x++)
                {
                    var label = image.Labels[(y * image.Width) + x];
                    if (wide) BinaryPrimitives.WriteUInt16BigEndian(row.AsSpan(2 * x), label);
                    else row[x] = (byte)label;
                }

                for (var i = 0; i < stride; i++) line[i + 1] = (byte)(row[i] - above[i]);
                zlib.Write(line);
                (above, row) = (row, above);
            }
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, image.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), image.Height);
        header[8] = (byte)(wide ? 16 : 8);
        using var file = new MemoryStream();
        file.Write(PngChunks.Signature);
        PngChunks.Write(file, "IHDR", header);
        PngChunks.Write(file, "IDAT", packed.GetBuffer().AsSpan(0, (int)packed.Length));
        PngChunks.Write(file, "IEND", []);
        return file.ToArray();
    }

    static byte[] Inflate(string path, (string Type, ReadOnlyMemory<byte> Data)[] chunks, int length)
    {
        using var packed = new MemoryStream();
        foreach (var (type, data) in chunks)
            if (type == "IDAT") packed.Write(data.Span);
        packed.Position = 0;
        var rows = new byte[length];
        try
        {
            using var zlib = new ZLibStream(packed, CompressionMode.Decompress);
            zlib.ReadExactly(rows);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw Damaged(path);
        }

        return rows;
    }

    // PNG section 9: each byte is stored as the difference to a prediction from its neighbours to the left and above.
    static void Unfilter(string path, byte[] rows, int stride, int height, int step)
    {
        var above = new byte[stride];
        for (var y = 0; y < height; y++)
        {
            var filter = rows[y * (stride + 1)];
            var row = rows.AsSpan((y * (stride + 1)) + 1, stride);
            for (var i = 0; i < stride; i++)
            {
                int left = i >= step ? row[i - step] : 0, corner = i >= step ? above[i - step] : 0;
                row[i] += filter switch
                {
                    0 => 0,
                    1 => (byte)left,
                    FilterUp => above[i],
                    3 => (byte)((left + above[i]) / 2),
                    4 => Paeth(left, above[i], corner),
                    _ => throw Damaged(path),
                };
            }

            row.CopyTo(above);
        }
    }

    static byte Paeth(int left, int above, int corner)
    {
        var prediction = left + above - corner;
        var (toLeft, toAbove, toCorner) = (Math.Abs(prediction - left), Math.Abs(prediction - above), Math.Abs(prediction - corner));
        return (byte)(toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner);
    }

    static void Unpack(ReadOnlySpan<byte> row, int depth, Span<ushort> labels)
    {
        for (var x = 0; x < labels.Length; x++)
        {
            labels[x] = depth switch
            {
                16 => BinaryPrimitives.ReadUInt16BigEndian(row[(2 * x)..]),
                8 => row[x],
                _ => (ushort)((row[x * depth / 8] >> (8 - depth - (x * depth % 8))) & ((1 << depth) - 1)),
            };
        }
    }

    static ConesException Damaged(string path) => new($"{path} is cut off or damaged: copy or download it again");
}
