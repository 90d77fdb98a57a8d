using System.Globalization;
using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>BERT's normalisation and word splitting (<c>BertNormalizer</c> and <c>BertPreTokenizer</c> of Hugging Face tokenizers).</summary>
/// <param name="Lowercase">Lower-case every code point (the uncased models).</param>
/// <param name="StripAccents">Decompose (NFD) and drop nonspacing marks.</param>
/// <param name="SplitIdeographs">Make every CJK ideograph a word.</param>
sealed record BertText(bool Lowercase, bool StripAccents, bool SplitIdeographs)
{
    /// <summary>The normalised text; <paramref name="offset"/> is the text's place in the raw text.</summary>
    public AlignedText Normalize(string text, int offset)
    {
        var normalized = new AlignedText();
        var position = offset;
        foreach (var rune in text.EnumerateRunes())
        {
            var (start, end) = (position, position + rune.Utf16SequenceLength);
            position = end;
            if (IsDropped(rune)) continue;
            if (Rune.IsWhiteSpace(rune))
            {
                normalized.Append(new Rune(' '), start, end);
                continue;
            }

            var ideograph = SplitIdeographs && IsIdeograph(rune.Value);
            if (ideograph) normalized.Append(new Rune(' '), start, end);
            AppendLetters(normalized, rune, start, end);
            if (ideograph) normalized.Append(new Rune(' '), start, end);
        }

        return normalized;
    }

    /// <summary>The words of <c>[start, end)</c> of a normalised text: split at white space, every punctuation character alone.</summary>
    public static IEnumerable<(int Start, int End)> Words(string text, int start, int end)
    {
        var word = start;
        for (var i = start; i < end;)
        {
            var rune = Rune.GetRuneAt(text, i);
            var next = i + rune.Utf16SequenceLength;
            var punctuation = IsPunctuation(rune);
            if (punctuation || Rune.IsWhiteSpace(rune))
            {
                if (i > word) yield return (word, i);
                if (punctuation) yield return (i, next);
                word = next;
            }

            i = next;
        }

        if (end > word) yield return (word, end);
    }

    // Decomposing each code point alone gives the same letters as decomposing the whole: the marks that NFD would reorder
    // are dropped. All pieces of a hangul syllable keep the span of the syllable.
    void AppendLetters(AlignedText normalized, Rune rune, int start, int end)
    {
        if (!StripAccents)
        {
            AppendLower(rune);
            return;
        }

        foreach (var part in UnicodeText.Normalize(rune.ToString(), NormalizationForm.FormD).EnumerateRunes())
            if (Rune.GetUnicodeCategory(part) != UnicodeCategory.NonSpacingMark) AppendLower(part);

        void AppendLower(Rune letter)
        {
            var (first, second) = Lowercase ? UnicodeText.ToLower(letter) : (letter, null);
            normalized.Append(first, start, end);
            if (second is { } mark) normalized.Append(mark, start, end);
        }
    }

    // Control, format and private-use characters vanish and glue their neighbours (U+000B, U+000C and U+0085 too);
    // unassigned code points stay.
    static bool IsDropped(Rune rune) =>
        rune.Value is 0 or 0xfffd
        || (rune.Value is not ('\t' or '\n' or '\r')
            && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse);

    // 2B920 is the reference's own number (the original BERT has 2B820).
    static bool IsIdeograph(int code) => code
        is (>= 0x4e00 and <= 0x9fff) or (>= 0x3400 and <= 0x4dbf) or (>= 0x20000 and <= 0x2a6df) or (>= 0x2a700 and <= 0x2b73f)
        or (>= 0x2b740 and <= 0x2b81f) or (>= 0x2b920 and <= 0x2ceaf) or (>= 0xf900 and <= 0xfaff) or (>= 0x2f800 and <= 0x2fa1f);

    // All of ASCII that is neither letter, digit nor space, $+<=>^`|~ included; elsewhere category P* only.
    static bool IsPunctuation(Rune rune) =>
        rune.IsAscii ? rune.Value > ' ' && rune.Value < 0x7f && !char.IsAsciiLetterOrDigit((char)rune.Value) : Rune.IsPunctuation(rune);
}
