using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>WordPiece: the longest entry that a word begins with, then the longest continuation ("##..."), and so on.</summary>
/// <param name="vocabulary">Entries and their ids.</param>
/// <param name="unknownId">Stands for a whole word that cannot be made of entries, or is too long.</param>
/// <param name="continuation">What the entries that continue a word begin with.</param>
/// <param name="maxCodePoints">Longer words are unknown.</param>
sealed class WordPieceEncoder(IReadOnlyDictionary<string, int> vocabulary, int unknownId, string continuation = "##", int maxCodePoints = 100)
{
    readonly int _longest = vocabulary.Count == 0 ? 0 : vocabulary.Keys.Max(k => k.Length);

    /// <summary>The ids of a word and the UTF-16 units <c>[Start, End)</c> of it that each covers.</summary>
    public IReadOnlyList<(int Id, int Start, int End)> Encode(string word)
    {
        var codePoints = 0;
        foreach (var _ in word.EnumerateRunes()) codePoints++;
        if (codePoints > maxCodePoints) return [(unknownId, 0, word.Length)];

        var pieces = new List<(int, int, int)>();
        for (var start = 0; start < word.Length;)
        {
            if (LongestFrom(word, start) is not { } piece) return [(unknownId, 0, word.Length)];
            pieces.Add((piece.Id, start, piece.End));
            start = piece.End;
        }

        return pieces;
    }

    (int Id, int End)? LongestFrom(string word, int start)
    {
        var prefix = start == 0 ? "" : continuation;
        for (var end = Math.Min(word.Length, start + _longest - prefix.Length); end > start; end--)
        {
            if (end < word.Length && char.IsLowSurrogate(word[end])) continue;
            if (vocabulary.TryGetValue(string.Concat(prefix, word.AsSpan(start, end - start)), out var id)) return (id, end);
        }

        return null;
    }
}
