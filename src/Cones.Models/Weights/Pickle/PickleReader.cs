using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Cones.Models.Weights.Pickle;

/// <summary>Reads the arguments of opcodes; every length is checked before anything is made of it.</summary>
ref struct PickleReader(ReadOnlySpan<byte> data, int position)
{
    static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    // Python writes lists of numbers with 8 bytes each; the longest number in a real file is the magic number of 10 bytes.
    const int LongestInteger = 1024;

    readonly ReadOnlySpan<byte> _data = data;

    public int Position { get; private set; } = position;

    public byte Byte() => Take(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Take(8));

    public ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_data.Length - Position))
            throw new InvalidDataException($"it ends at byte {_data.Length}, where {count} more were expected at {Position}");
        var bytes = _data.Slice(Position, (int)count);
        Position += (int)count;
        return bytes;
    }

    public string Text(ulong length)
    {
        try
        {
            return s_strict.GetString(Take(length));
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"the text at byte {Position} is not UTF-8", e);
        }
    }

    /// <summary>Text up to the end of the line, as the old opcodes have it.</summary>
    public string Line()
    {
        var length = _data[Position..].IndexOf((byte)'\n');
        if (length < 0) throw new InvalidDataException($"the line at byte {Position} has no end");
        var text = Text((ulong)length);
        Position++;
        return text;
    }

    /// <summary>An integer of any length, as <see cref="long"/> where it fits.</summary>
    public object Integer(long length)
    {
        if (length is < 0 or > LongestInteger) throw new InvalidDataException($"an integer of {length} bytes is not credible");
        var value = new BigInteger(Take((ulong)length));
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;
    }
}
