using System.Text.Json;

namespace Cones.Models.Tokenizers;

/// <summary>Builds a <see cref="BertTokenizer"/> from a folder.</summary>
static class BertTokenizerReader
{
    const string VocabularyFile = "vocab.txt";
    const string TokenizerFile = "tokenizer.json";
    const int PublishedMaxLength = 512;

    public static BertTokenizer Read(TokenizerFolder folder)
    {
        var lines = folder.Has(VocabularyFile);
        if (!lines && !folder.Has(TokenizerFile))
            throw new ConesException($"{folder.PathOf(VocabularyFile)} is missing: a BERT tokenizer folder holds {VocabularyFile} or {TokenizerFile}.");

        var file = lines ? VocabularyFile : TokenizerFile;
        var (vocabulary, text, continuation, longestWord) = lines
            ? (ReadLines(folder), new BertText(true, true, true), "##", 100)
            : ReadTokenizerJson(folder);
        var special = new SpecialTokens(folder, fromTokenizerJson: !lines);
        var table = new TokenTable(vocabulary);
        var baseVocabulary = new Dictionary<string, int>(vocabulary);
        foreach (var token in special.Listed()) table.Add(token, folder.Path);

        var unknown = Role("unk_token", "[UNK]")!.Value;
        var last = Role("sep_token", "[SEP]")!.Value;
        var pad = Role("pad_token", "[PAD]")!.Value;
        var first = Role("cls_token", "[CLS]")!.Value;
        var mask = Role("mask_token", "[MASK]", optional: true);
        return new BertTokenizer(
            table, new WordPieceEncoder(baseVocabulary, unknown, continuation, longestWord), Configure(folder, text), new TokenSequence(first, last, pad),
            continuation, unknown, mask, folder.MaxLength(PublishedMaxLength));

        int? Role(string role, string otherwise, bool optional = false)
        {
            var token = special.Role(role) ?? new AddedToken(otherwise, -1) { Special = true };
            if (table.IdOf(token.Content) is not null) return table.Add(token, folder.Path);
            return optional ? null : throw folder.Broken(file, $"it lacks '{token.Content}', the {role}");
        }
    }

    // strip_accents: null follows do_lower_case, as in the original code.
    static BertText Configure(TokenizerFolder folder, BertText text)
    {
        if (folder.Config is not { } config) return text;
        var lowercase = folder.Flag("do_lower_case") ?? text.Lowercase;
        var strip = folder.Flag("strip_accents")
            ?? (config.TryGetProperty("strip_accents", out _) || config.TryGetProperty("do_lower_case", out _) ? lowercase : text.StripAccents);
        return new BertText(lowercase, strip, folder.Flag("tokenize_chinese_chars") ?? text.SplitIdeographs);
    }

    static Dictionary<string, int> ReadLines(TokenizerFolder folder)
    {
        var vocabulary = new Dictionary<string, int>();
        var lines = folder.Lines(VocabularyFile);
        // The line's number is the id; of equal lines the last counts, as in the reference.
        for (var i = 0; i < lines.Length; i++)
            if (lines[i].TrimEnd() is { Length: > 0 } token) vocabulary[token] = i;
        return vocabulary;
    }

    static (Dictionary<string, int> Vocabulary, BertText Text, string Continuation, int LongestWord) ReadTokenizerJson(TokenizerFolder folder) => folder.Try(TokenizerFile, () =>
    {
        var root = folder.Json(TokenizerFile)!.Value;
        var model = root.GetProperty("model");
        if (Text(model, "type") is not ("WordPiece" or null) || !model.TryGetProperty("vocab", out var vocab))
            throw folder.Broken(TokenizerFile, $"it is no BERT tokenizer (model.type is '{Text(model, "type")}' where BERT has 'WordPiece')");

        var text = new BertText(true, true, true);
        if (root.TryGetProperty("normalizer", out var normalizer) && normalizer.ValueKind == JsonValueKind.Object)
        {
            if (Text(normalizer, "type") != "BertNormalizer")
                throw folder.Broken(TokenizerFile, $"it is no BERT tokenizer (the normalizer is '{Text(normalizer, "type")}')");
            var lowercase = Flag(normalizer, "lowercase") ?? true;
            text = new BertText(lowercase, Flag(normalizer, "strip_accents") ?? lowercase, Flag(normalizer, "handle_chinese_chars") ?? true);
        }

        var longestWord = model.TryGetProperty("max_input_chars_per_word", out var longest) ? longest.GetInt32() : 100;
        return (folder.Vocabulary(TokenizerFile, vocab), text, Text(model, "continuing_subword_prefix") ?? "##", longestWord);
    });

    static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    static bool? Flag(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : null;
}
