using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>
/// BERT's WordPiece tokenizer, id for id and offset for offset as <c>transformers.BertTokenizer</c> 5.x: the text side of
/// GLIP and Grounding DINO. Spans are in UTF-16 units.
/// </summary>
/// <remarks>Encoding may run on several threads at once.</remarks>
public sealed class BertTokenizer
{
    readonly TokenTable _table;
    readonly WordPieceEncoder _encoder;
    readonly BertText _text;
    readonly TokenSequence _sequence;
    readonly string _continuation;
    readonly AddedTokenMatcher _rawMatcher;
    readonly AddedTokenMatcher _normalizedMatcher;

    internal BertTokenizer(
        TokenTable table, WordPieceEncoder encoder, BertText text, TokenSequence sequence, string continuation, int unknownId, int? maskId, int maxLength)
    {
        (_table, _encoder, _text, _sequence, _continuation) = (table, encoder, text, sequence, continuation);
        (UnkId, MaskId, MaxLength) = (unknownId, maskId, maxLength);
        _rawMatcher = new(_table.Added.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        _normalizedMatcher = new(_table.Added.Where(t => t.Normalized).Select(t => (_text.Normalize(t.Content, 0).Text, t)));
    }

    /// <summary>Slots of a sequence (<c>model_max_length</c>): 512 for the published models; detectors use 256.</summary>
    public int MaxLength { get; }

    /// <summary>The id that begins every sequence, [CLS]: 101 in the published vocabulary.</summary>
    public int ClsId => _sequence.FirstId;

    /// <summary>The id that ends every sequence, [SEP]: 102 in the published vocabulary.</summary>
    public int SepId => _sequence.LastId;

    /// <summary>The id that fills up, [PAD]: 0 in the published vocabulary.</summary>
    public int PadId => _sequence.PadId;

    /// <summary>The id of words that the vocabulary cannot spell, [UNK]: 100 in the published vocabulary.</summary>
    public int UnkId { get; }

    /// <summary>The id of [MASK], or null where the vocabulary has none.</summary>
    public int? MaskId { get; }

    /// <summary>Rows that an embedding matrix needs for every id: 30522 for the published uncased vocabulary.</summary>
    public int VocabularySize => _table.NextId;

    /// <summary>Reads a tokenizer folder of transformers.</summary>
    /// <param name="folder">
    /// Holds vocab.txt or tokenizer.json; and, where there are any, tokenizer_config.json (do_lower_case, strip_accents,
    /// tokenize_chinese_chars, model_max_length), special_tokens_map.json and added_tokens.json.
    /// </param>
    /// <exception cref="ConesException">A file is missing or broken; the message names it.</exception>
    public static BertTokenizer FromFolder(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return BertTokenizerReader.Read(new TokenizerFolder(folder));
    }

    /// <summary>All ids of a text between [CLS] and [SEP]; neither cut nor padded.</summary>
    /// <param name="text">Any string; a lone surrogate counts as U+FFFD.</param>
    public int[] Encode(string text) => [.. Encode(text, null).Ids];

    /// <summary>The sequence of a text.</summary>
    /// <param name="text">Any string; a lone surrogate counts as U+FFFD.</param>
    /// <param name="maxLength">Slots of the sequence, at least 2; of a longer one the end is cut, [SEP] stays last. Null: no limit.</param>
    /// <param name="padding">Whether to fill up to <paramref name="maxLength"/>.</param>
    public TokenizedText Encode(string text, int? maxLength, TokenPadding padding = TokenPadding.None)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = UnicodeText.Repair(text);
        return _sequence.Assemble(text, Tokenize(text), maxLength, padding);
    }

    /// <summary>Sequences of equal length.</summary>
    /// <param name="texts">At least one text.</param>
    /// <param name="maxLength">Slots at most; null takes <see cref="MaxLength"/>.</param>
    /// <param name="padding">Fill to the maximum or to the longest of the texts.</param>
    /// <exception cref="ArgumentException">There is no text, or no padding is asked for.</exception>
    public TokenizedBatch TokenizeBatch(IReadOnlyList<string> texts, int? maxLength = null, TokenPadding padding = TokenPadding.Longest)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return _sequence.Batch(texts, t => Encode(t, maxLength ?? MaxLength, padding), padding);
    }

    /// <summary>The id of a token exactly as the vocabulary spells it ("##" continues a word), or null.</summary>
    public int? IdOf(string token) => _table.IdOf(token);

    /// <summary>The vocabulary's string of an id.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No token has this id.</exception>
    public string TokenOf(int id) => _table.TokenOf(id);

    /// <summary>Turns ids back into text: pieces glued, words joined by spaces, none before <c>. , ! ?</c>.</summary>
    /// <param name="ids">Ids of this tokenizer.</param>
    /// <param name="skipSpecial">Leave out [CLS], [SEP], [PAD], [UNK] and [MASK].</param>
    /// <exception cref="ArgumentOutOfRangeException">No token has one of the ids.</exception>
    public string Decode(IEnumerable<int> ids, bool skipSpecial = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var text = new StringBuilder();
        var first = true;
        foreach (var token in ids.Select(_table.TokenOf))
        {
            if (skipSpecial && _table.AddedOf(token) is { Special: true }) continue;
            if (first) text.Append(token);
            else if (token.StartsWith(_continuation, StringComparison.Ordinal)) text.Append(token, _continuation.Length, token.Length - _continuation.Length);
            else text.Append(token is "." or "," or "!" or "?" ? "" : " ").Append(token);
            first = false;
        }

        return text.ToString();
    }

    List<Token> Tokenize(string text)
    {
        var tokens = new List<Token>();
        foreach (var (start, end, added) in _rawMatcher.Split(text))
        {
            if (added is not null)
            {
                tokens.Add(new Token(added.Id, start, end));
                continue;
            }

            var normalized = _text.Normalize(text[start..end], start);
            foreach (var (from, to, found) in _normalizedMatcher.Split(normalized.Text))
            {
                if (found is not null)
                {
                    Append(found.Id, from, to);
                    continue;
                }

                foreach (var word in BertText.Words(normalized.Text, from, to))
                    foreach (var piece in _encoder.Encode(normalized.Text[word.Start..word.End]))
                        Append(piece.Id, word.Start + piece.Start, word.Start + piece.End);
            }

            void Append(int id, int from, int to)
            {
                var raw = normalized.RawSpan(from, to);
                tokens.Add(new Token(id, raw.Start, raw.End));
            }
        }

        return tokens;
    }
}
