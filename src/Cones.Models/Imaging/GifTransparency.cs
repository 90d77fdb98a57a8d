namespace Cones.Models.Imaging;

/// <summary>Makes the first picture of a GIF file opaque, so that decoders keep the palette's colour of transparent pixels.</summary>
/// <remarks>GIF89a, section 23: the lowest bit of a graphic control extension's flags says that one colour is transparent.</remarks>
static class GifTransparency
{
    const byte Extension = 0x21;
    const byte GraphicControl = 0xf9;
    const int HeaderSize = 13;

    /// <summary>Clears the flag in place. A malformed file is left as it is, for the decoder to refuse.</summary>
    internal static void Remove(Span<byte> file)
    {
        if (file.Length < HeaderSize) return;
        var flags = file[10];
        var at = HeaderSize + ((flags & 0x80) != 0 ? 3 << ((flags & 7) + 1) : 0);
        while (at + 4 < file.Length && file[at] == Extension)
        {
            if (file[at + 1] == GraphicControl) file[at + 3] &= 0xfe;

            // Sub-blocks, each with its length before it, end with one of length 0.
            for (at += 2; at < file.Length && file[at] != 0;) at += file[at] + 1;
            at++;
        }
    }
}
