using System.Buffers.Binary;
using System.Text;

namespace Cones.Models.Imaging;

/// <summary>The chunks of a PNG file (W3C PNG, third edition, section 5).</summary>
static class PngChunks
{
    const int HeaderSize = 8;
    const int CrcSize = 4;
    static readonly uint[] s_crcTable = CreateCrcTable();

    internal static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a];

    /// <summary>Where the chunk after IHDR begins: signature, then 13 bytes of data in a frame of 12.</summary>
    internal static int AfterHeader => Signature.Length + HeaderSize + 13 + CrcSize;

    internal static bool IsPng(ReadOnlySpan<byte> file) => file.StartsWith(Signature);

    /// <summary>Every whole chunk in the order of the file; stops without an error where one is cut off.</summary>
    internal static IEnumerable<(string Type, ReadOnlyMemory<byte> Data)> Read(ReadOnlyMemory<byte> file)
    {
        if (!IsPng(file.Span)) yield break;
        file = file[Signature.Length..];
        while (file.Length >= HeaderSize + CrcSize)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(file.Span);
            if (length > file.Length - HeaderSize - CrcSize) yield break;
            yield return (Encoding.Latin1.GetString(file.Span[4..HeaderSize]), file.Slice(HeaderSize, (int)length));
            file = file[(HeaderSize + (int)length + CrcSize)..];
        }
    }

    internal static void Write(Stream stream, string type, ReadOnlySpan<byte> data)
    {
        var chunk = new byte[HeaderSize + data.Length + CrcSize];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        Encoding.Latin1.GetBytes(type, chunk.AsSpan(4));
        data.CopyTo(chunk.AsSpan(HeaderSize));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(HeaderSize + data.Length), Crc(chunk.AsSpan(4, 4 + data.Length)));
        stream.Write(chunk);
    }

    static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data) crc = s_crcTable[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    static uint[] CreateCrcTable()
    {
        const uint Polynomial = 0xedb88320;
        var table = new uint[256];
        for (uint n = 0; n < table.Length; n++)
        {
            var c = n;
            for (var bit = 0; bit < 8; bit++) c = (c & 1) == 1 ? Polynomial ^ (c >> 1) : c >> 1;
            table[n] = c;
        }

        return table;
    }
}
