using System.Buffers.Binary;
using System.Text;

namespace Cones.Models.Native;

/// <summary>
/// Marks one symbol version that an ELF library needs as weak, so that the dynamic linker accepts a system that lacks it.
/// </summary>
/// <remarks>
/// Built with GCC 13, TorchSharp's library asks for <c>GLIBCXX_3.4.32</c> because of one reference that is never called
/// (<c>std::ios_base_library_init</c>); Debian 12 and Ubuntu 22.04 ship an older libstdc++. Setting
/// <c>VER_FLG_WEAK</c> in the <c>Elf64_Vernaux</c> entry (System V gABI, symbol versioning) removes the hard demand and
/// changes two bytes of the file at most.
/// </remarks>
static class ElfVersionPatch
{
    const uint ShtGnuVerneed = 0x6ffffffe;
    const ushort VerFlgWeak = 0x2;
    const int SectionHeaderSize = 64;

    /// <summary>Sets the weak flag of <paramref name="version"/> wherever <paramref name="image"/> needs it.</summary>
    /// <param name="image">A 64-bit little-endian ELF file; changed in place.</param>
    /// <param name="version">The version's name, e.g. <c>GLIBCXX_3.4.32</c>.</param>
    /// <returns>The number of entries changed.</returns>
    /// <exception cref="InvalidDataException">The file is no such ELF file or its tables point outside it.</exception>
    public static int MarkWeak(Span<byte> image, string version)
    {
        if (image.Length < 64 || !image.StartsWith("\u007fELF\u0002\u0001"u8))
            throw new InvalidDataException("not a 64-bit little-endian ELF file");

        var sectionTable = ToOffset(BinaryPrimitives.ReadUInt64LittleEndian(image[40..]), image.Length);
        int sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(image[60..]);
        var changed = 0;
        for (var i = 0; i < sectionCount; i++)
        {
            var header = Slice(image, sectionTable + (i * SectionHeaderSize), SectionHeaderSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != ShtGnuVerneed) continue;

            var stringSection = (int)BinaryPrimitives.ReadUInt32LittleEndian(header[40..]);
            var stringHeader = Slice(image, sectionTable + (stringSection * SectionHeaderSize), SectionHeaderSize);
            var strings = ToOffset(BinaryPrimitives.ReadUInt64LittleEndian(stringHeader[24..]), image.Length);
            var need = ToOffset(BinaryPrimitives.ReadUInt64LittleEndian(header[24..]), image.Length);
            changed += MarkWeakInSection(image, need, strings, Encoding.ASCII.GetBytes(version + "\0"));
        }

        return changed;
    }

    static int MarkWeakInSection(Span<byte> image, int need, int strings, ReadOnlySpan<byte> version)
    {
        var changed = 0;
        while (true)
        {
            // Elf64_Verneed: version, cnt (u16), file, aux, next (u32); aux and next are relative to the entry itself.
            var entry = Slice(image, need, 16);
            int count = BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]);
            var aux = need + (int)BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
            for (var i = 0; i < count; i++)
            {
                // Elf64_Vernaux: hash (u32), flags, other (u16), name, next (u32).
                var auxEntry = Slice(image, aux, 16);
                var name = strings + (int)BinaryPrimitives.ReadUInt32LittleEndian(auxEntry[8..]);
                if (name + version.Length <= image.Length && image.Slice(name, version.Length).SequenceEqual(version))
                {
                    var flags = BinaryPrimitives.ReadUInt16LittleEndian(auxEntry[4..]);
                    BinaryPrimitives.WriteUInt16LittleEndian(auxEntry[4..], (ushort)(flags | VerFlgWeak));
                    changed++;
                }

                aux += (int)BinaryPrimitives.ReadUInt32LittleEndian(auxEntry[12..]);
            }

            var next = (int)BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]);
            if (next == 0) return changed;
            need += next;
        }
    }

    static int ToOffset(ulong value, int length) =>
        value < (ulong)length ? (int)value : throw new InvalidDataException($"offset {value} is outside the file ({length} bytes)");

    static Span<byte> Slice(Span<byte> image, int offset, int length) =>
        offset >= 0 && offset + length <= image.Length
            ? image.Slice(offset, length)
            : throw new InvalidDataException($"entry at {offset} is outside the file ({image.Length} bytes)");
}
