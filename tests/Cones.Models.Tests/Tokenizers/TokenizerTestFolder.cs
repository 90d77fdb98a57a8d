using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cones.Models.Tests.Tokenizers;

/// <summary>A temporary tokenizer folder with a small vocabulary.</summary>
sealed class TokenizerTestFolder : IDisposable
{
    static readonly string[] s_merges = ["o f</w>", "c a", "ca t</w>", "d o", "do g</w>", "p h", "ph o", "pho to</w>", "t o</w>", "a a", "aa aa"];

    TokenizerTestFolder() => Path = Directory.CreateTempSubdirectory("cones-tokenizer-").FullName;

    public string Path { get; }

    /// <summary>CLIP: 512 byte symbols in the published order, the merges' symbols, and the two special tokens.</summary>
    public static TokenizerTestFolder Clip()
    {
        var folder = new TokenizerTestFolder();
        folder.Write("vocab.json", Vocabulary().ToJsonString());
        folder.Write("merges.txt", "#version: 0.2\n" + string.Join('\n', Ordered()) + "\n");
        return folder;
    }

    /// <summary>CLIP as one tokenizer.json, merges as strings (older) or pairs (newer).</summary>
    public static TokenizerTestFolder ClipSingleFile(bool pairs)
    {
        var folder = new TokenizerTestFolder();
        var merges = new JsonArray([.. Ordered().Select(m => pairs ? new JsonArray([.. m.Split(' ').Select(s => (JsonNode)s)]) : (JsonNode)m)]);
        var json = new JsonObject
        {
            ["added_tokens"] = new JsonArray(new JsonObject { ["id"] = 9999, ["content"] = "<extra>", ["special"] = false, ["normalized"] = false }),
            ["model"] = new JsonObject { ["type"] = "BPE", ["end_of_word_suffix"] = "</w>", ["vocab"] = Vocabulary(), ["merges"] = merges },
        };
        folder.Write("tokenizer.json", json.ToJsonString());
        return folder;
    }

    /// <summary>BERT with a few words.</summary>
    public static TokenizerTestFolder Bert()
    {
        var folder = new TokenizerTestFolder();
        folder.Write("vocab.txt", string.Join('\n', "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "dog", "##s", "##gy", "a", ".", "!", "cafe", "Cat", "字", "traffic", "light") + "\n");
        return folder;
    }

    public void Write(string file, string content) => File.WriteAllText(PathOf(file), content);

    public void Write(string file, object content) => Write(file, JsonSerializer.Serialize(content));

    public string PathOf(string file) => System.IO.Path.Combine(Path, file);

    public void Dispose() => Directory.Delete(Path, recursive: true);

    // "pho to</w>" needs "to</w>" first.
    static string[] Ordered() => [.. s_merges.OrderBy(m => m == "pho to</w>")];

    static JsonObject Vocabulary()
    {
        var vocabulary = new JsonObject();
        foreach (var suffix in new[] { "", "</w>" })
        {
            foreach (var c in Alphabet()) vocabulary[c + suffix] = vocabulary.Count;
        }

        foreach (var merge in Ordered()) vocabulary[merge.Replace(" ", "", StringComparison.Ordinal)] = vocabulary.Count;
        vocabulary["<|startoftext|>"] = vocabulary.Count;
        vocabulary["<|endoftext|>"] = vocabulary.Count;
        return vocabulary;
    }

    static IEnumerable<char> Alphabet() =>
    [
        .. Enumerable.Range('!', '~' - '!' + 1).Select(c => (char)c),
        .. Enumerable.Range(0xa1, 0xac - 0xa1 + 1).Select(c => (char)c),
        .. Enumerable.Range(0xae, 0xff - 0xae + 1).Select(c => (char)c),
        .. Enumerable.Range(0x100, 68).Select(c => (char)c),
    ];
}
