namespace Cones.Models.Tokenizers;

/// <summary>How a sequence of ids is filled up.</summary>
public enum TokenPadding
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>To the longest text of the batch; a single text stays as it is.</summary>
    Longest,

    /// <summary>To the maximal length.</summary>
    MaxLength,
}

/// <summary>A part of a text in UTF-16 units, as <see cref="string"/> counts.</summary>
/// <param name="Start">The first unit.</param>
/// <param name="End">One past the last unit.</param>
public readonly record struct TextSpan(int Start, int End)
{
    /// <summary>The number of units.</summary>
    public int Length => End - Start;

    /// <summary>Whether the two have a unit in common.</summary>
    public bool Overlaps(TextSpan other) => Start < other.End && other.Start < End;
}

/// <summary>A text as a model reads it. All lists have one entry a slot of the sequence.</summary>
/// <param name="Ids">Token ids, with the tokens that begin and end the sequence, cut and padded as asked.</param>
/// <param name="AttentionMask">1 for the sequence itself, 0 for padding.</param>
/// <param name="Spans">Where in the raw text each token came from; empty (0, 0) for tokens that were added.</param>
/// <param name="Truncated">The raw text that the maximal length cut off, for a warning; null when nothing was cut.</param>
public sealed record TokenizedText(
    IReadOnlyList<int> Ids, IReadOnlyList<int> AttentionMask, IReadOnlyList<TextSpan> Spans, string? Truncated)
{
    /// <summary>The slots that hold one of <paramref name="ids"/>, in order, such as all slots of a placeholder's vectors.</summary>
    /// <remarks>Padding is not searched, so a padding id that is also a word's is found only where the text has it.</remarks>
    public IReadOnlyList<int> FindSlots(params IReadOnlyCollection<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var wanted = ids.ToHashSet();
        return [.. Enumerable.Range(0, Ids.Count).Where(i => AttentionMask[i] == 1 && wanted.Contains(Ids[i]))];
    }

    /// <summary>The first slot of every place where <paramref name="ids"/> stand one after the other, not overlapping.</summary>
    /// <exception cref="ArgumentException"><paramref name="ids"/> is empty.</exception>
    public IReadOnlyList<int> FindSequences(IReadOnlyList<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        if (ids.Count == 0) throw new ArgumentException("No ids to look for.", nameof(ids));
        var length = AttentionMask.Count(m => m == 1);
        var found = new List<int>();
        for (var i = 0; i + ids.Count <= length; i++)
        {
            var at = i;
            if (!Enumerable.Range(0, ids.Count).All(k => Ids[at + k] == ids[k])) continue;
            found.Add(i);
            i += ids.Count - 1;
        }

        return found;
    }

    /// <summary>The slots whose tokens came from a part of the raw text, in order; those that were cut off are missing.</summary>
    public IReadOnlyList<int> SlotsOf(TextSpan span) => [.. Enumerable.Range(0, Spans.Count).Where(i => Spans[i].Overlaps(span))];
}
