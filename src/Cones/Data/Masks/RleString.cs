using System.Text;

namespace Cones.Data.Masks;

/// <summary>COCO's compressed run lengths (maskApi.c, <c>rleToString</c> and <c>rleFrString</c>).</summary>
static class RleString
{
    const int Offset = 48;
    const int Payload = 0x1f;
    const int Sign = 0x10;
    const int More = 0x20;

    // The differences start at the fourth run: the first ones are larger than they are alike.
    const int FirstDifference = 3;

    internal static string Format(ReadOnlySpan<uint> counts)
    {
        var text = new StringBuilder(counts.Length * 2);
        for (var i = 0; i < counts.Length; i++)
        {
            long x = counts[i];
            if (i >= FirstDifference) x -= counts[i - 2];
            for (var more = true; more;)
            {
                var c = (int)(x & Payload);
                x >>= 5;
                more = (c & Sign) != 0 ? x != -1 : x != 0;
                text.Append((char)((more ? c | More : c) + Offset));
            }
        }

        return text.ToString();
    }

    internal static RleMask Parse(int height, int width, string text)
    {
        var counts = new List<uint>(text.Length);
        var at = 0;
        while (at < text.Length)
        {
            var x = ReadNumber(text, ref at);
            if (counts.Count >= FirstDifference) x += counts[^2];
            if (x is < 0 or > uint.MaxValue) throw new FormatException($"run {counts.Count} has the length {x}");
            counts.Add((uint)x);
        }

        try
        {
            return new RleMask(height, width, counts.ToArray());
        }
        catch (ArgumentException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    static long ReadNumber(string text, ref int at)
    {
        long x = 0;
        for (var shift = 0; shift < 60; shift += 5)
        {
            if (at == text.Length) throw new FormatException("the last run is cut off");
            var c = text[at] - Offset;
            if (c is < 0 or > (More | Payload)) throw new FormatException($"character {at} ('{text[at]}') is not in '0'..'o'");
            at++;
            x |= (long)(c & Payload) << shift;
            if ((c & More) != 0) continue;
            return (c & Sign) != 0 ? x | (-1L << (shift + 5)) : x;
        }

        throw new FormatException($"the run that ends at character {at} is too long");
    }
}
