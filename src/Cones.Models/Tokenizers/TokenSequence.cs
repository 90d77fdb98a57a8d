namespace Cones.Models.Tokenizers;

/// <summary>A token and its place in the raw text.</summary>
readonly record struct Token(int Id, int Start, int End);

/// <summary>What both tokenizers do with the tokens of a text: begin, end, cut, pad, batch.</summary>
/// <param name="FirstId">The token that begins every sequence.</param>
/// <param name="LastId">The token that ends every sequence; cutting keeps it.</param>
/// <param name="PadId">The token that fills up.</param>
sealed record TokenSequence(int FirstId, int LastId, int PadId)
{
    /// <summary>The sequence of a text.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The maximal length has no room for the first and the last token.</exception>
    public TokenizedText Assemble(string text, IReadOnlyList<Token> tokens, int? maxLength, TokenPadding padding)
    {
        if (maxLength is < 2)
            throw new ArgumentOutOfRangeException(nameof(maxLength), maxLength, "A sequence has at least two tokens, the first and the last one.");
        var kept = Math.Min(tokens.Count, (maxLength ?? int.MaxValue) - 2);
        var used = kept + 2;
        var length = padding == TokenPadding.MaxLength && maxLength is { } max ? max : used;
        var ids = new int[length];
        var mask = new int[length];
        var spans = new TextSpan[length];
        ids[0] = FirstId;
        for (var i = 0; i < kept; i++) (ids[i + 1], spans[i + 1]) = (tokens[i].Id, new TextSpan(tokens[i].Start, tokens[i].End));
        ids[used - 1] = LastId;
        Array.Fill(mask, 1, 0, used);
        Array.Fill(ids, PadId, used, length - used);
        return new TokenizedText(ids, mask, spans, kept < tokens.Count ? text[tokens[kept].Start..] : null);
    }

    /// <summary>Several sequences of one length.</summary>
    /// <exception cref="ArgumentException">There is no text, or no padding is asked for.</exception>
    public TokenizedBatch Batch(IReadOnlyList<string> texts, Func<string, TokenizedText> encode, TokenPadding padding)
    {
        if (texts.Count == 0) throw new ArgumentException("A batch needs at least one text.", nameof(texts));
        if (padding == TokenPadding.None) throw new ArgumentException("The texts of a batch have one length: pad to the longest or to the maximum.", nameof(padding));
        return new TokenizedBatch(PadToLongest([.. texts.Select(encode)]));
    }

    IReadOnlyList<TokenizedText> PadToLongest(IReadOnlyList<TokenizedText> texts)
    {
        var length = texts.Max(t => t.Ids.Count);
        return [.. texts.Select(t => t.Ids.Count == length ? t : t with
        {
            Ids = [.. t.Ids, .. Enumerable.Repeat(PadId, length - t.Ids.Count)],
            AttentionMask = [.. t.AttentionMask, .. new int[length - t.Ids.Count]],
            Spans = [.. t.Spans, .. new TextSpan[length - t.Ids.Count]],
        })];
    }
}
