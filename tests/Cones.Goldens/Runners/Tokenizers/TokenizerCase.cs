using System.Text;
using System.Text.Json;
using Cones.Models.Tokenizers;

namespace Cones.Goldens.Runners.Tokenizers;

/// <summary>What the tokenizer runners share: the published vocabularies and reading of JSON lines.</summary>
static class TokenizerCase
{
    static readonly Dictionary<string, object> s_loaded = [];

    /// <summary>CLIP's published vocabulary, or null after noting that it is not here.</summary>
    public static ClipTokenizer? PublishedClip(GoldenResult result, string? padToken = null) =>
        Load(result, "clip-tokenizer", padToken, folder => ClipTokenizer.FromFolder(folder, padToken));

    /// <summary>BERT's published uncased vocabulary, or null after noting that it is not here.</summary>
    public static BertTokenizer? PublishedBert(GoldenResult result) => Load(result, "bert-tokenizer", null, BertTokenizer.FromFolder);

    /// <summary>The objects of every .jsonl file of a case.</summary>
    public static IEnumerable<JsonElement> Lines(GoldenCase golden)
    {
        foreach (var file in Directory.EnumerateFiles(golden.Folder, "*.jsonl").Order(StringComparer.Ordinal))
            foreach (var line in File.ReadLines(file))
                if (line.Length > 0) yield return JsonDocument.Parse(line).RootElement;
    }

    /// <summary>A property's list of integers.</summary>
    public static int[] Ints(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(v => v.GetInt32())];

    /// <summary>A property's list of strings.</summary>
    public static string[] Strings(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(v => v.GetString()!)];

    /// <summary>A property's list of [start, end).</summary>
    public static TextSpan[] Spans(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(v => new TextSpan(v[0].GetInt32(), v[1].GetInt32()))];

    /// <summary>A span of UTF-16 units, in code points.</summary>
    public static TextSpan InCodePoints(string text, TextSpan span) => new(CodePoints(text, span.Start), CodePoints(text, span.End));

    /// <summary>A text for a message.</summary>
    public static string Quote(string text) => JsonSerializer.Serialize(text.Length > 60 ? text[..60] + "..." : text);

    static int CodePoints(string text, int units)
    {
        var count = 0;
        for (var i = 0; i < units; i += Rune.GetRuneAt(text, i).Utf16SequenceLength) count++;
        return count;
    }

    static T? Load<T>(GoldenResult result, string name, string? variant, Func<string, T> read)
        where T : class
    {
        var folder = Path.Combine(GoldenSuite.DataFolder, name);
        if (!Directory.Exists(folder))
        {
            result.Skip($"the published vocabulary {name} is not in the data folder");
            return null;
        }

        var key = $"{folder}|{variant}";
        if (!s_loaded.TryGetValue(key, out var tokenizer)) s_loaded[key] = tokenizer = read(folder);
        return (T)tokenizer;
    }
}
