using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>Finds added tokens in a text: leftmost first, the longest of those that start there.</summary>
sealed class AddedTokenMatcher
{
    readonly Dictionary<char, (string Pattern, AddedToken Token)[]> _byFirst;

    /// <summary>A matcher for <paramref name="tokens"/>, each with the string to look for (raw or normalised).</summary>
    public AddedTokenMatcher(IEnumerable<(string Pattern, AddedToken Token)> tokens) =>
        _byFirst = tokens
            .Where(t => t.Pattern.Length > 0)
            .GroupBy(t => t.Pattern[0])
            .ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Pattern.Length).ToArray());

    /// <summary>Cuts a text into the matches and the text between them (Token null), in order, empty parts left out.</summary>
    public IEnumerable<(int Start, int End, AddedToken? Token)> Split(string text)
    {
        var done = 0;
        for (var i = 0; _byFirst.Count > 0 && i < text.Length;)
        {
            if (Match(text, i) is not { } match)
            {
                i++;
                continue;
            }

            var (token, length) = match;
            var (start, end) = (i, i + length);
            i = end;
            if (token.SingleWord && (EndsWithWord(text.AsSpan(0, start)) || StartsWithWord(text.AsSpan(end)))) continue;
            while (token.LStrip && start > done && char.IsWhiteSpace(text[start - 1])) start--;
            while (token.RStrip && end < text.Length && char.IsWhiteSpace(text[end])) end++;
            if (start > done) yield return (done, start, null);
            yield return (start, end, token);
            i = done = end;
        }

        if (done < text.Length) yield return (done, text.Length, null);
    }

    (AddedToken Token, int Length)? Match(string text, int at)
    {
        if (!_byFirst.TryGetValue(text[at], out var candidates)) return null;
        foreach (var (pattern, token) in candidates)
            if (string.CompareOrdinal(text, at, pattern, 0, pattern.Length) == 0) return (token, pattern.Length);
        return null;
    }

    static bool EndsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out var rune, out _) == System.Buffers.OperationStatus.Done && IsWord(rune);

    static bool StartsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out var rune, out _) == System.Buffers.OperationStatus.Done && IsWord(rune);

    static bool IsWord(Rune rune) => Rune.IsLetterOrDigit(rune) || rune.Value == '_';
}
