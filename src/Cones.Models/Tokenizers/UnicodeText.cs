using System.Globalization;
using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>
/// Unicode operations by code point, as the reference tokenizers do them; .NET's regular expressions and casing work on
/// UTF-16 units.
/// </summary>
static class UnicodeText
{
    static readonly Lazy<bool> s_canNormalize = new(() => "e\u0301".Normalize(NormalizationForm.FormC) == "\u00e9");

    /// <summary>The text with every lone surrogate replaced by U+FFFD; same length.</summary>
    public static string Repair(string text)
    {
        char[]? repaired = null;
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
                continue;
            }

            repaired ??= text.ToCharArray();
            repaired[i] = '\ufffd';
        }

        return repaired is null ? text : new string(repaired);
    }

    /// <summary>Full lower-casing of one code point, without context: no final-sigma rule, U+0130 gives two code points.</summary>
    public static (Rune First, Rune? Second) ToLower(Rune rune) =>
        rune.Value == 0x130 ? (new Rune('i'), new Rune(0x307)) : (Rune.ToLowerInvariant(rune), null);

    /// <summary>Category L*.</summary>
    public static bool IsLetter(Rune rune) =>
        rune.IsAscii ? char.IsAsciiLetter((char)rune.Value) : Rune.GetUnicodeCategory(rune) <= UnicodeCategory.OtherLetter;

    /// <summary>Category N*.</summary>
    public static bool IsNumber(Rune rune) =>
        rune.IsAscii
            ? char.IsAsciiDigit((char)rune.Value)
            : Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>Composes (NFC) and hands over every code point of the result with the raw span it came from.</summary>
    public static void Compose(string text, int offset, Action<Rune, int, int> append)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = start + Rune.GetRuneAt(text, start).Utf16SequenceLength;
            while (end < text.Length && MayCombine(Rune.GetRuneAt(text, end))) end += Rune.GetRuneAt(text, end).Utf16SequenceLength;
            foreach (var rune in Normalize(text[start..end], NormalizationForm.FormC).EnumerateRunes()) append(rune, offset + start, offset + end);
            start = end;
        }
    }

    /// <summary>The canonical decomposition (NFD) or composition (NFC) of a short text.</summary>
    /// <exception cref="ConesException">The program runs without the Unicode data of ICU.</exception>
    public static string Normalize(string text, NormalizationForm form)
    {
        if (Ascii.IsValid(text) || HasNoncharacter(text)) return text;
        if (!s_canNormalize.Value)
            throw new ConesException("Text outside ASCII needs the Unicode data of ICU: install libicu and unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT.");
        return text.Normalize(form);
    }

    // What never composes with its predecessor may start a new piece: normalising the pieces equals normalising the whole,
    // and each piece gives its characters a span. Composing followers are marks, conjoining jamo and Kirat Rai vowel signs;
    // unassigned code points count too, as ICU may know more of them than .NET.
    static bool MayCombine(Rune rune) =>
        !rune.IsAscii
        && (rune.Value is (>= 0x1160 and <= 0x11ff) or (>= 0x16d63 and <= 0x16d6a)
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
                or UnicodeCategory.EnclosingMark or UnicodeCategory.OtherNotAssigned)
        && !IsNoncharacter(rune);

    // Noncharacters (U+FDD0..U+FDEF, U+xxFFFE, U+xxFFFF) normalise to themselves; some systems refuse them.
    static bool HasNoncharacter(string text)
    {
        foreach (var rune in text.EnumerateRunes())
            if (IsNoncharacter(rune)) return true;
        return false;
    }

    static bool IsNoncharacter(Rune rune) => (rune.Value & 0xfffe) == 0xfffe || rune.Value is >= 0xfdd0 and <= 0xfdef;
}
