using System.Text.Json;

namespace Cones.Models.Tokenizers;

/// <summary>Builds a <see cref="ClipTokenizer"/> from a folder.</summary>
static class ClipTokenizerReader
{
    const string VocabularyFile = "vocab.json";
    const string MergesFile = "merges.txt";
    const string TokenizerFile = "tokenizer.json";
    const int PublishedMaxLength = 77;

    public static ClipTokenizer Read(TokenizerFolder folder, string? padToken)
    {
        var separate = folder.Has(VocabularyFile) && folder.Has(MergesFile);
        if (!separate && !folder.Has(TokenizerFile))
        {
            var missing = folder.Has(VocabularyFile) ? MergesFile : VocabularyFile;
            throw new ConesException($"{folder.PathOf(missing)} is missing: a CLIP tokenizer folder holds {VocabularyFile} and {MergesFile}, or {TokenizerFile}.");
        }

        var vocabularyFile = separate ? VocabularyFile : TokenizerFile;
        var (vocabulary, merges) = separate ? ReadSeparate(folder) : ReadTokenizerJson(folder);
        var special = new SpecialTokens(folder, fromTokenizerJson: !separate);
        var table = new TokenTable(vocabulary);
        var baseVocabulary = new Dictionary<string, int>(vocabulary);
        foreach (var token in special.Listed()) table.Add(token, folder.Path);

        var bos = Role("bos_token", "<|startoftext|>");
        var eos = Role("eos_token", "<|endoftext|>");
        var unknown = Role("unk_token", "<|endoftext|>");
        var pad = padToken is null ? Role("pad_token", "<|endoftext|>") : Role(null, padToken);

        var encoder = new BytePairEncoder(baseVocabulary, merges, unknown, folder.PathOf(separate ? MergesFile : TokenizerFile));
        return new ClipTokenizer(table, encoder, new TokenSequence(bos, eos, pad), folder.MaxLength(PublishedMaxLength), folder.Path);

        int Role(string? role, string otherwise)
        {
            var token = (role is null ? null : special.Role(role)) ?? new AddedToken(otherwise, -1) { Special = true };
            if (table.IdOf(token.Content) is null)
                throw folder.Broken(vocabularyFile, $"it lacks '{token.Content}', the {role ?? "pad_token"}");
            return table.Add(token, folder.Path);
        }
    }

    static (Dictionary<string, int> Vocabulary, List<(string, string)> Merges) ReadSeparate(TokenizerFolder folder)
    {
        var vocabulary = folder.Vocabulary(VocabularyFile, folder.Json(VocabularyFile)!.Value);
        var merges = new List<(string, string)>();
        var lines = folder.Lines(MergesFile);
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0 || (i == 0 && lines[i].StartsWith("#version", StringComparison.Ordinal))) continue;
            merges.Add(Pair(lines[i]) ?? throw folder.Broken(MergesFile, $"line {i + 1} is not two symbols with a space between: '{lines[i]}'"));
        }

        return (vocabulary, merges);
    }

    static (Dictionary<string, int> Vocabulary, List<(string, string)> Merges) ReadTokenizerJson(TokenizerFolder folder) => folder.Try(TokenizerFile, () =>
    {
        var model = folder.Json(TokenizerFile)!.Value.GetProperty("model");
        Require("type", "BPE");
        Require("end_of_word_suffix", BytePairEncoder.EndOfWord);
        var merges = new List<(string, string)>();
        foreach (var merge in model.GetProperty("merges").EnumerateArray())
        {
            // Until tokenizers 0.20 a merge was one string, since then a pair.
            var pair = merge.ValueKind == JsonValueKind.String
                ? Pair(merge.GetString()!)
                : merge.GetArrayLength() == 2 ? (merge[0].GetString()!, merge[1].GetString()!) : null;
            merges.Add(pair ?? throw new FormatException($"the merge {merge} is not two symbols"));
        }

        return (folder.Vocabulary(TokenizerFile, model.GetProperty("vocab")), merges);

        void Require(string name, string value)
        {
            var actual = model.TryGetProperty(name, out var json) && json.ValueKind == JsonValueKind.String ? json.GetString() : null;
            if (actual != value) throw folder.Broken(TokenizerFile, $"it is no CLIP tokenizer (model.{name} is '{actual}' where CLIP has '{value}')");
        }
    });

    static (string, string)? Pair(string line) =>
        line.Split(' ') is [{ Length: > 0 } left, { Length: > 0 } right] ? (left, right) : null;
}
