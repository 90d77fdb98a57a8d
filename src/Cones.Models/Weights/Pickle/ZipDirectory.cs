using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Cones.Models.Weights.Pickle;

/// <summary>A file in an archive, as the central directory describes it; sizes are checked against the archive.</summary>
sealed record ZipEntry(string Name, int Method, long CompressedSize, long Size, long HeaderOffset);

/// <summary>
/// The directory of a zip archive that stays mapped: stored files are read in place, which the runtime's own class does not
/// offer.
/// </summary>
sealed class ZipDirectory
{
    const int Stored = 0;
    const int Deflated = 8;

    // Deflate cannot do better than 1032:1, so a larger claim is a lie.
    const long BestDeflateRatio = 1032;

    readonly MappedFile _file;

    ZipDirectory(MappedFile file) => _file = file;

    /// <summary>The files, in order.</summary>
    public List<ZipEntry> Entries { get; } = [];

    /// <summary>Reads the directory.</summary>
    /// <exception cref="InvalidDataException">It is missing or damaged.</exception>
    public static ZipDirectory Read(MappedFile file)
    {
        var zip = new ZipDirectory(file);
        var (start, size) = zip.FindDirectory();
        if (start < 0 || size < 0 || start > file.Length - size || size > int.MaxValue)
            throw new InvalidDataException("its zip directory does not lie inside the file");
        var directory = new byte[size];
        file.Copy(start, directory);
        for (ReadOnlySpan<byte> rest = directory; rest.Length > 0;) rest = zip.ReadEntry(rest);
        return zip;
    }

    /// <summary>Copies bytes of a stored file, or of a deflated one after inflating what comes before them.</summary>
    public void Copy(ZipEntry entry, long offset, Span<byte> target)
    {
        var start = DataStart(entry);
        if (offset < 0 || offset > entry.Size - target.Length) throw new InvalidDataException($"'{entry.Name}' has {entry.Size} bytes only");
        if (entry.Method == Stored)
        {
            _file.Copy(start + offset, target);
            return;
        }

        try
        {
            using var inflated = new DeflateStream(_file.OpenRange(start, entry.CompressedSize), CompressionMode.Decompress);
            var skipped = new byte[(int)Math.Min(offset, 1 << 16)];
            for (var left = offset; left > 0; left -= Math.Min(left, skipped.Length)) inflated.ReadExactly(skipped.AsSpan(0, (int)Math.Min(left, skipped.Length)));
            inflated.ReadExactly(target);
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException($"'{entry.Name}' in it is cut short", e);
        }
    }

    (long Start, long Size) FindDirectory()
    {
        const int recordSize = 22, locatorSize = 20;
        var tail = new byte[Math.Min(_file.Length, recordSize + ushort.MaxValue)];
        _file.Copy(_file.Length - tail.Length, tail);
        for (var at = tail.Length - recordSize; at >= 0; at--)
        {
            ReadOnlySpan<byte> record = tail.AsSpan(at);
            if (!record.StartsWith("PK\x05\x06"u8) || UInt16(record, 20) != record.Length - recordSize) continue;
            if (at >= locatorSize && tail.AsSpan(at - locatorSize).StartsWith("PK\x06\x07"u8)) return Zip64(Int64(tail.AsSpan(at - locatorSize), 8));
            return (UInt32(record, 16), UInt32(record, 12));
        }

        throw new InvalidDataException("its end is missing, where a zip archive has its directory (was the download complete?)");
    }

    (long Start, long Size) Zip64(long offset)
    {
        const int recordSize = 56;
        if (offset < 0 || offset > _file.Length - recordSize) throw new InvalidDataException("its zip directory does not lie inside the file");
        Span<byte> record = stackalloc byte[recordSize];
        _file.Copy(offset, record);
        if (!record.StartsWith("PK\x06\x06"u8)) throw new InvalidDataException("its zip directory is damaged");
        return (Int64(record, 48), Int64(record, 40));
    }

    ReadOnlySpan<byte> ReadEntry(ReadOnlySpan<byte> rest)
    {
        const int fixedSize = 46;
        if (rest.Length < fixedSize || !rest.StartsWith("PK\x01\x02"u8)) throw new InvalidDataException("its zip directory is damaged");
        int nameLength = UInt16(rest, 28), extraLength = UInt16(rest, 30), commentLength = UInt16(rest, 32);
        var length = fixedSize + nameLength + extraLength + commentLength;
        if (rest.Length < length) throw new InvalidDataException("its zip directory is cut short");
        var name = Encoding.UTF8.GetString(rest.Slice(fixedSize, nameLength));
        long compressed = UInt32(rest, 20), size = UInt32(rest, 24), header = UInt32(rest, 42);
        ReadZip64(rest.Slice(fixedSize + nameLength, extraLength), ref size, ref compressed, ref header);
        if (compressed < 0 || size < 0 || header < 0 || compressed > _file.Length || header > _file.Length - compressed)
            throw new InvalidDataException($"'{name}' in it does not lie inside the file");
        Entries.Add(new ZipEntry(name, (UInt16(rest, 8) & 1) != 0 ? -1 : UInt16(rest, 10), compressed, size, header));
        return rest[length..];
    }

    // Numbers that do not fit into 32 bits stand in an extra field, in this order.
    static void ReadZip64(ReadOnlySpan<byte> extra, ref long size, ref long compressed, ref long header)
    {
        while (extra.Length >= 4)
        {
            int id = UInt16(extra, 0), length = UInt16(extra, 2);
            if (length > extra.Length - 4) return;
            var field = extra.Slice(4, length);
            extra = extra[(4 + length)..];
            if (id != 1) continue;
            Take(ref field, ref size);
            Take(ref field, ref compressed);
            Take(ref field, ref header);
        }

        static void Take(ref ReadOnlySpan<byte> field, ref long value)
        {
            if (value != uint.MaxValue || field.Length < 8) return;
            value = Int64(field, 0);
            field = field[8..];
        }
    }

    long DataStart(ZipEntry entry)
    {
        const int fixedSize = 30;
        Span<byte> header = stackalloc byte[fixedSize];
        if (entry.HeaderOffset > _file.Length - fixedSize) throw Damaged(entry);
        _file.Copy(entry.HeaderOffset, header);
        if (!header.StartsWith("PK\x03\x04"u8)) throw Damaged(entry);
        var start = entry.HeaderOffset + fixedSize + UInt16(header, 26) + UInt16(header, 28);
        if (start > _file.Length - entry.CompressedSize) throw Damaged(entry);
        var credible = entry.Method switch
        {
            Stored => entry.Size == entry.CompressedSize,
            Deflated => entry.Size / BestDeflateRatio <= entry.CompressedSize,
            _ => throw new InvalidDataException($"'{entry.Name}' in it is encrypted or compressed by another method than deflate"),
        };
        return credible ? start : throw Damaged(entry);
    }

    static InvalidDataException Damaged(ZipEntry entry) => new($"the entry of '{entry.Name}' in its zip directory is wrong");

    static ushort UInt16(ReadOnlySpan<byte> data, int at) => BinaryPrimitives.ReadUInt16LittleEndian(data[at..]);

    static uint UInt32(ReadOnlySpan<byte> data, int at) => BinaryPrimitives.ReadUInt32LittleEndian(data[at..]);

    static long Int64(ReadOnlySpan<byte> data, int at) => BinaryPrimitives.ReadInt64LittleEndian(data[at..]);
}
