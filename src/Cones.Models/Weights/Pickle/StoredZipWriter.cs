using System.Buffers.Binary;
using System.Text;

namespace Cones.Models.Weights.Pickle;

/// <summary>Writes a zip archive of stored files whose data starts at multiples of <see cref="Alignment"/>, as PyTorch's does.</summary>
sealed class StoredZipWriter(Stream stream)
{
    /// <summary>In bytes.</summary>
    public const int Alignment = 64;

    // PyTorch pads with an extra field of this name.
    const ushort PaddingField = 0x4246;
    const ushort Utf8Names = 0x0800;
    const int LocalSize = 30;

    // 1 January 1980: the same content gives the same bytes.
    const uint NoTime = 0x0021_0000;

    static readonly uint[] s_crcTable = [.. Enumerable.Range(0, 256).Select(i => Enumerable.Range(0, 8).Aggregate((uint)i, (c, _) => (c & 1) != 0 ? (c >> 1) ^ 0xEDB8_8320 : c >> 1))];

    readonly MemoryStream _directory = new();
    long _position;
    int _count;

    public void Add(string name, byte[] content)
    {
        var nameBytes = Encoding.UTF8.GetBytes(name);
        var header = _position;
        var start = header + LocalSize + nameBytes.Length + 4;
        var padding = (int)((Alignment - (start % Alignment)) % Alignment);
        if (start + padding + content.Length > int.MaxValue) throw new NotSupportedException("the file would have more than 2 GB: write safetensors");
        var crc = Crc(content);

        using var local = new MemoryStream();
        Write(local, "PK\x03\x04"u8);
        WriteCommon(local, crc, content.Length, nameBytes.Length, 4 + padding);
        Write(local, nameBytes);
        Write16(local, PaddingField);
        Write16(local, padding);
        Write(local, Enumerable.Repeat((byte)'Z', padding).ToArray());
        stream.Write(local.ToArray());
        stream.Write(content);
        _position += local.Length + content.Length;

        Write(_directory, "PK\x01\x02"u8);
        Write16(_directory, 20);
        WriteCommon(_directory, crc, content.Length, nameBytes.Length, 0);
        Write(_directory, new byte[10]); // no comment, disk 0, no attributes
        Write32(_directory, (uint)header);
        Write(_directory, nameBytes);
        _count++;
    }

    public void Finish()
    {
        using var end = new MemoryStream();
        Write(end, "PK\x05\x06"u8);
        Write32(end, 0);
        Write16(end, _count);
        Write16(end, _count);
        Write32(end, (uint)_directory.Length);
        Write32(end, (uint)_position);
        Write16(end, 0);
        stream.Write(_directory.ToArray());
        stream.Write(end.ToArray());
    }

    static void WriteCommon(MemoryStream target, uint crc, int size, int nameLength, int extraLength)
    {
        Write16(target, 20); // version needed
        Write16(target, Utf8Names);
        Write16(target, 0); // stored
        Write32(target, NoTime);
        Write32(target, crc);
        Write32(target, (uint)size);
        Write32(target, (uint)size);
        Write16(target, nameLength);
        Write16(target, extraLength);
    }

    static uint Crc(byte[] content)
    {
        var crc = ~0u;
        foreach (var b in content) crc = s_crcTable[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    static void Write(MemoryStream target, ReadOnlySpan<byte> bytes) => target.Write(bytes);

    static void Write16(MemoryStream target, int value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
        target.Write(bytes);
    }

    static void Write32(MemoryStream target, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        target.Write(bytes);
    }
}
