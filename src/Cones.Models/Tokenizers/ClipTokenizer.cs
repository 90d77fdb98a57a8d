using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>
/// CLIP's byte-level BPE tokenizer, id for id as <c>transformers.CLIPTokenizer</c> 5.x: NFC, white space collapsed,
/// lower case, CLIP's word pattern, BPE with <c>&lt;/w&gt;</c>. It does not repair text as the original OpenAI code does (ftfy).
/// </summary>
/// <remarks>Encoding may run on several threads at once; <see cref="AddTokens"/> must not run beside it.</remarks>
public sealed class ClipTokenizer
{
    readonly TokenTable _table;
    readonly BytePairEncoder _encoder;
    readonly TokenSequence _sequence;
    readonly string _source;
    AddedTokenMatcher _rawMatcher = null!;
    AddedTokenMatcher _normalizedMatcher = null!;

    internal ClipTokenizer(TokenTable table, BytePairEncoder encoder, TokenSequence sequence, int maxLength, string source)
    {
        (_table, _encoder, _sequence, MaxLength, _source) = (table, encoder, sequence, maxLength, source);
        BuildMatchers();
    }

    /// <summary>Slots of a sequence (<c>model_max_length</c>): 77 for the published models.</summary>
    public int MaxLength { get; }

    /// <summary>The id that begins every sequence.</summary>
    public int BosId => _sequence.FirstId;

    /// <summary>The id that ends every sequence.</summary>
    public int EosId => _sequence.LastId;

    /// <summary>The id that fills up: that of the end for Stable Diffusion 1.x, 0 ("!") for 2.x and SDXL's second tokenizer.</summary>
    public int PadId => _sequence.PadId;

    /// <summary>Rows that an embedding matrix needs for every id, added tokens included: 49408 for the published vocabulary.</summary>
    public int VocabularySize => _table.NextId;

    /// <summary>Reads a tokenizer folder of diffusers or transformers.</summary>
    /// <param name="folder">
    /// Holds vocab.json and merges.txt, or tokenizer.json; and, where there are any, tokenizer_config.json,
    /// special_tokens_map.json and added_tokens.json.
    /// </param>
    /// <param name="padToken">The padding token instead of the folder's, such as "!"; it must be in the vocabulary.</param>
    /// <exception cref="ConesException">A file is missing or broken; the message names it.</exception>
    public static ClipTokenizer FromFolder(string folder, string? padToken = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return ClipTokenizerReader.Read(new TokenizerFolder(folder), padToken);
    }

    /// <summary>All ids of a text, between those of the beginning and the end; neither cut nor padded.</summary>
    /// <param name="text">Any string; a lone surrogate counts as U+FFFD.</param>
    public int[] Encode(string text) => [.. Encode(text, null).Ids];

    /// <summary>The sequence of a text.</summary>
    /// <param name="text">Any string; a lone surrogate counts as U+FFFD.</param>
    /// <param name="maxLength">
    /// Slots of the sequence, at least 2; of a longer one the end is cut, and the last id is still that of the end. Null: no limit.
    /// </param>
    /// <param name="padding">Whether to fill up to <paramref name="maxLength"/>.</param>
    public TokenizedText Encode(string text, int? maxLength, TokenPadding padding = TokenPadding.None)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = UnicodeText.Repair(text);
        return _sequence.Assemble(text, Tokenize(text), maxLength, padding);
    }

    /// <summary>Sequences of equal length, as text encoders take them: by default all of <see cref="MaxLength"/>.</summary>
    /// <param name="texts">At least one text.</param>
    /// <param name="maxLength">Slots at most; null takes <see cref="MaxLength"/>.</param>
    /// <param name="padding">Fill to the maximum or to the longest of the texts.</param>
    /// <exception cref="ArgumentException">There is no text, or no padding is asked for.</exception>
    public TokenizedBatch TokenizeBatch(IReadOnlyList<string> texts, int? maxLength = null, TokenPadding padding = TokenPadding.MaxLength)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return _sequence.Batch(texts, t => Encode(t, maxLength ?? MaxLength, padding), padding);
    }

    /// <summary>
    /// Adds tokens, such as the placeholders of a concept. They are found in the raw text before everything else, exactly as
    /// written and the longest first, and get ids after the vocabulary.
    /// </summary>
    /// <returns>Their ids, consecutive.</returns>
    /// <exception cref="ConesException">A token exists already, occurs twice or is blank; then none is added.</exception>
    public IReadOnlyList<int> AddTokens(params IReadOnlyList<string> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var fresh = new HashSet<string>();
        foreach (var token in tokens)
        {
            if (string.IsNullOrWhiteSpace(token)) throw new ConesException("A placeholder token is blank; name it, for example <dog>.");
            if (UnicodeText.Repair(token) != token) throw new ConesException($"The placeholder token '{token}' is no valid text; name it, for example, <dog>.");
            if (_table.IdOf(token) is not null || !fresh.Add(token))
                throw new ConesException($"The tokenizer {_source} has a token '{token}' already; choose another placeholder, for example <{token.Trim('<', '>')}-concept>.");
        }

        int[] ids = [.. tokens.Select(t => _table.Add(new AddedToken(t, -1), _source))];
        BuildMatchers();
        return ids;
    }

    /// <summary>The id of a token exactly as the vocabulary spells it (words end in <c>&lt;/w&gt;</c>), or null.</summary>
    public int? IdOf(string token) => _table.IdOf(token);

    /// <summary>The vocabulary's string of an id.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No token has this id.</exception>
    public string TokenOf(int id) => _table.TokenOf(id);

    /// <summary>Turns ids back into text: normalised, with spaces between words and punctuation, U+FFFD for broken UTF-8.</summary>
    /// <param name="ids">Ids of this tokenizer.</param>
    /// <param name="skipSpecial">Leave out the tokens for beginning, end, padding and the like.</param>
    /// <exception cref="ArgumentOutOfRangeException">No token has one of the ids.</exception>
    public string Decode(IEnumerable<int> ids, bool skipSpecial = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var bytes = new List<byte>();
        foreach (var token in ids.Select(_table.TokenOf))
        {
            if (skipSpecial && _table.AddedOf(token) is { Special: true }) continue;
            var start = bytes.Count;
            foreach (var character in token)
            {
                if (ByteAlphabet.TryGetByte(character, out var value))
                {
                    bytes.Add(value);
                    continue;
                }

                // An added token with other characters stands for itself.
                bytes.RemoveRange(start, bytes.Count - start);
                bytes.AddRange(Encoding.UTF8.GetBytes(token));
                break;
            }
        }

        var text = Encoding.UTF8.GetString([.. bytes]).Replace(BytePairEncoder.EndOfWord, " ", StringComparison.Ordinal);
        return Strip(text);
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

            var normalized = ClipText.Normalize(text[start..end], start);
            foreach (var (from, to, found) in _normalizedMatcher.Split(normalized.Text))
            {
                if (found is not null) Append(found.Id, from, to);
                else
                    foreach (var word in ClipText.Words(normalized.Text, from, to)) AppendWord(word.Start, word.End);
            }

            void Append(int id, int from, int to)
            {
                var raw = normalized.RawSpan(from, to);
                tokens.Add(new Token(id, raw.Start, raw.End));
            }

            void AppendWord(int from, int to)
            {
                var word = normalized.Text[from..to];
                var units = UnitsOfBytes(word);
                var position = 0;
                foreach (var (id, bytes) in _encoder.Encode(word))
                {
                    Append(id, from + units[position], from + units[position + bytes - 1] + 1);
                    position += bytes;
                }
            }
        }

        return tokens;
    }

    // For each UTF-8 byte of a word the UTF-16 unit that it belongs to. Both units of a pair have the same raw span.
    static int[] UnitsOfBytes(string word)
    {
        var units = new int[Encoding.UTF8.GetByteCount(word)];
        int unit = 0, position = 0;
        foreach (var rune in word.EnumerateRunes())
        {
            Array.Fill(units, unit, position, rune.Utf8SequenceLength);
            position += rune.Utf8SequenceLength;
            unit += rune.Utf16SequenceLength;
        }

        return units;
    }

    void BuildMatchers()
    {
        _rawMatcher = new(_table.Added.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        _normalizedMatcher = new(_table.Added.Where(t => t.Normalized).Select(t => (ClipText.Normalize(t.Content, 0).Text, t)));
    }

    // Python's str.strip counts U+001C..U+001F as white space, .NET's Trim does not.
    static string Strip(string text)
    {
        int start = 0, end = text.Length;
        while (start < end && IsSpace(text[start])) start++;
        while (end > start && IsSpace(text[end - 1])) end--;
        return text[start..end];

        static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001c' and <= '\u001f';
    }
}
