using System.Buffers.Binary;

namespace Cones.Models.Imaging;

/// <summary>Finds the orientation in an EXIF block (a TIFF header and its first directory).</summary>
static class ExifOrientation
{
    const ushort OrientationTag = 0x0112;
    const ushort ShortType = 3;
    const int EntrySize = 12;

    /// <summary>1 to 8; 1 where the block holds none or is malformed.</summary>
    internal static int Read(ReadOnlySpan<byte> exif)
    {
        if (exif.StartsWith("Exif\0\0"u8)) exif = exif[6..];
        if (exif.Length < 8) return Orientation.Upright;
        var littleEndian = exif.StartsWith("II*\0"u8);
        if (!littleEndian && !exif.StartsWith("MM\0*"u8)) return Orientation.Upright;

        var directory = U32(exif[4..], littleEndian);
        if (directory > exif.Length - 2) return Orientation.Upright;
        var entries = exif[(int)directory..];
        var count = U16(entries, littleEndian);
        entries = entries[2..];
        for (var i = 0; i < count && entries.Length >= EntrySize; i++, entries = entries[EntrySize..])
        {
            if (U16(entries, littleEndian) != OrientationTag || U16(entries[2..], littleEndian) != ShortType) continue;
            var value = U16(entries[8..], littleEndian);
            return value is >= 1 and <= 8 ? value : Orientation.Upright;
        }

        return Orientation.Upright;
    }

    static ushort U16(ReadOnlySpan<byte> bytes, bool littleEndian) =>
        littleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    static uint U32(ReadOnlySpan<byte> bytes, bool littleEndian) =>
        littleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
