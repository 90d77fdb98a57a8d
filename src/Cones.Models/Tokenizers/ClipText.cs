using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>CLIP's normalisation and word splitting, as <c>transformers.CLIPTokenizer</c> does them (without ftfy).</summary>
static class ClipText
{
    static readonly string[] s_contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    static readonly string[] s_special = ["<|startoftext|>", "<|endoftext|>"];

    /// <summary>NFC, runs of white space to one space, lower case. <paramref name="offset"/> is the text's place in the raw text.</summary>
    public static AlignedText Normalize(string text, int offset)
    {
        var normalized = new AlignedText();
        UnicodeText.Compose(text, offset, (rune, start, end) =>
        {
            if (Rune.IsWhiteSpace(rune))
            {
                if (normalized.Length > 0 && normalized.Last == ' ') normalized.ExtendLast(end);
                else normalized.Append(new Rune(' '), start, end);
                return;
            }

            var (first, second) = UnicodeText.ToLower(rune);
            normalized.Append(first, start, end);
            if (second is { } mark) normalized.Append(mark, start, end);
        });
        return normalized;
    }

    /// <summary>
    /// The words of <c>[start, end)</c> of a normalised text: contractions, runs of letters, single digits, runs of
    /// anything else but white space.
    /// </summary>
    public static IEnumerable<(int Start, int End)> Words(string text, int start, int end)
    {
        while (start < end)
        {
            var rune = Rune.GetRuneAt(text, start);
            if (Rune.IsWhiteSpace(rune))
            {
                start += rune.Utf16SequenceLength;
                continue;
            }

            // The pattern knows the special strings; the byte-level stage then splits them like other text.
            if (Prefix(s_special, text, start, end) is { } special)
            {
                yield return (start, start + 2);
                yield return (start + 2, start + special - 2);
                yield return (start + special - 2, start + special);
                start += special;
                continue;
            }

            var length = Prefix(s_contractions, text, start, end)
                ?? (UnicodeText.IsLetter(rune) ? Run(text, start, end, UnicodeText.IsLetter)
                    : UnicodeText.IsNumber(rune) ? rune.Utf16SequenceLength
                    : Run(text, start, end, IsOther));
            yield return (start, start + length);
            start += length;
        }
    }

    static bool IsOther(Rune rune) => !Rune.IsWhiteSpace(rune) && !UnicodeText.IsLetter(rune) && !UnicodeText.IsNumber(rune);

    static int Run(string text, int start, int end, Func<Rune, bool> belongs)
    {
        var i = start;
        while (i < end && Rune.GetRuneAt(text, i) is var rune && belongs(rune)) i += rune.Utf16SequenceLength;
        return i - start;
    }

    static int? Prefix(string[] strings, string text, int start, int end)
    {
        foreach (var s in strings)
            if (s.Length <= end - start && string.CompareOrdinal(text, start, s, 0, s.Length) == 0) return s.Length;
        return null;
    }
}
