namespace Cones.Models.Tokenizers;

/// <summary>A vocabulary and its added tokens: strings to ids and back.</summary>
sealed class TokenTable
{
    readonly Dictionary<string, int> _ids;
    readonly Dictionary<int, string> _tokens;
    readonly Dictionary<string, AddedToken> _added = [];

    /// <summary>A table of a vocabulary without added tokens.</summary>
    public TokenTable(Dictionary<string, int> vocabulary)
    {
        _ids = vocabulary;
        _tokens = vocabulary.ToDictionary(p => p.Value, p => p.Key);
        NextId = _tokens.Count == 0 ? 0 : _tokens.Keys.Max() + 1;
    }

    /// <summary>One more than the largest id: the rows that an embedding matrix needs.</summary>
    public int NextId { get; private set; }

    /// <summary>The added tokens, in the order in which they came.</summary>
    public IEnumerable<AddedToken> Added => _added.Values;

    /// <summary>The id of a token, or null.</summary>
    public int? IdOf(string token) => _ids.TryGetValue(token, out var id) ? id : null;

    /// <summary>The token of an id.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No token has it.</exception>
    public string TokenOf(int id) => _tokens.TryGetValue(id, out var token)
        ? token
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"No token has this id; the vocabulary ends at {NextId - 1}.");

    /// <summary>The added token of a string, or null.</summary>
    public AddedToken? AddedOf(string token) => _added.GetValueOrDefault(token);

    /// <summary>Adds a token, or its flags where it is known. An id below 0 asks for the vocabulary's or the next one.</summary>
    /// <exception cref="ConesException">The id belongs to another token; the message starts with <paramref name="source"/>.</exception>
    public int Add(AddedToken token, string source)
    {
        var id = IdOf(token.Content) ?? (token.Id >= 0 ? token.Id : NextId);
        if (token.Id >= 0 && id != token.Id)
            throw new ConesException($"{source}: '{token.Content}' has id {token.Id} as an added token and {id} in the vocabulary; fetch the tokenizer folder again.");
        if (_tokens.TryGetValue(id, out var owner) && owner != token.Content)
            throw new ConesException($"{source}: the id {id} of the added token '{token.Content}' belongs to '{owner}'; fetch the tokenizer folder again.");
        _ids[token.Content] = id;
        _tokens[id] = token.Content;
        NextId = Math.Max(NextId, id + 1);
        // The first entry decides the flags, as in the reference; a role only makes a token special.
        _added[token.Content] = _added.TryGetValue(token.Content, out var known)
            ? known with { Special = known.Special || token.Special }
            : token with { Id = id };
        return id;
    }
}
