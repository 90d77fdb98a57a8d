using System.Text.Json;

namespace Cones.Models.Tokenizers;

/// <summary>The added tokens of a folder: which strings, with which flags, and which of them play a role (bos, pad, ...).</summary>
sealed class SpecialTokens
{
    const string ConfigFile = "tokenizer_config.json";
    const string MapFile = "special_tokens_map.json";
    const string AddedFile = "added_tokens.json";
    const string TokenizerFile = "tokenizer.json";

    readonly TokenizerFolder _folder;
    readonly bool _fromTokenizerJson;

    /// <summary>Reads the files; tokenizer.json counts only where the vocabulary comes from it.</summary>
    public SpecialTokens(TokenizerFolder folder, bool fromTokenizerJson) => (_folder, _fromTokenizerJson) = (folder, fromTokenizerJson);

    /// <summary>The token for a role such as <c>pad_token</c>, without id, or null where no file names one.</summary>
    /// <remarks>
    /// Folders of before transformers 4.34 have no <c>added_tokens_decoder</c>; there special_tokens_map.json wins over
    /// tokenizer_config.json (Stable Diffusion 2.1: "!" over "&lt;|endoftext|&gt;"), later it only fills gaps.
    /// </remarks>
    public AddedToken? Role(string role)
    {
        var config = Read(ConfigFile, role);
        var map = Read(MapFile, role);
        var modern = _folder.Config is { } json && json.TryGetProperty("added_tokens_decoder", out _);
        return modern ? config ?? map : map ?? config;
    }

    /// <summary>Every added token with the id that a file gives it, or -1.</summary>
    public IEnumerable<AddedToken> Listed()
    {
        if (_fromTokenizerJson && _folder.Json(TokenizerFile) is { } tokenizer && tokenizer.TryGetProperty("added_tokens", out var list))
            foreach (var token in Entries(TokenizerFile, () => list.EnumerateArray().Select(t => Parse(t, t.GetProperty("id").GetInt32()))))
                yield return token;
        if (_folder.Config is { } config && config.TryGetProperty("added_tokens_decoder", out var decoder))
            foreach (var token in Entries(ConfigFile, () => decoder.EnumerateObject().Select(p => Parse(p.Value, int.Parse(p.Name, System.Globalization.CultureInfo.InvariantCulture)))))
                yield return token;
        if (_folder.Json(AddedFile) is { } added)
            foreach (var token in Entries(AddedFile, () => added.EnumerateObject().Select(p => new AddedToken(p.Name, p.Value.GetInt32()))))
                yield return token;
        foreach (var (file, role) in new[] { (ConfigFile, "additional_special_tokens"), (ConfigFile, "extra_special_tokens"), (MapFile, "additional_special_tokens") })
            if (_folder.Json(file) is { } json && json.TryGetProperty(role, out var more) && more.ValueKind == JsonValueKind.Array)
                foreach (var token in Entries(file, () => more.EnumerateArray().Select(t => Parse(t, -1) with { Special = true })))
                    yield return token;
    }

    AddedToken? Read(string file, string role) =>
        _folder.Json(file) is { } json && json.TryGetProperty(role, out var value) && value.ValueKind != JsonValueKind.Null
            ? _folder.Try(file, () => Parse(value, -1) with { Special = true })
            : null;

    IReadOnlyList<AddedToken> Entries(string file, Func<IEnumerable<AddedToken>> read) => _folder.Try(file, () => read().ToArray());

    // A token written as a plain string is matched in the raw text; as an object it says so itself.
    static AddedToken Parse(JsonElement token, int id)
    {
        if (token.ValueKind == JsonValueKind.String) return new AddedToken(token.GetString()!, id);
        var special = Flag("special");
        return new AddedToken(token.GetProperty("content").GetString() ?? throw new FormatException("a token has no content"), id)
        {
            Special = special,
            Normalized = Flag("normalized"),
            SingleWord = Flag("single_word"),
            LStrip = Flag("lstrip"),
            RStrip = Flag("rstrip"),
        };

        bool Flag(string name) => token.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;
    }
}
