using System.Text.Json.Nodes;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Recipes.Tokenizer;

/// <summary>The tokenizer of the embedded text-to-image model and its CLIP: byte-pair encoding, at most 4,096 tokens, 24 slots.</summary>
/// <remarks>
/// Source: CLIP's tokenizer (Radford et al. 2021; Sennrich et al. 2016). Data: names and tags of all concepts of the index,
/// the words of the captions. The names of held-out concepts are in it too: a user's word should not fall apart into letters
/// because a test needs it. Time: seconds. Scores: one token a word. Command:
/// <c>dotnet run -c Release --project pretraining -- tokenizer</c>
/// </remarks>
sealed class TokenizerRecipe : IRecipe
{
    const string Start = "<|startoftext|>";
    const string End = "<|endoftext|>";

    // Names count more than tags: their words become whole tokens first.
    const int NameWeight = 4;

    /// <summary>Tokens at most.</summary>
    public int VocabularySize { get; init; } = 4096;

    /// <summary>Slots of a sequence.</summary>
    public int MaxLength { get; init; } = 24;

    /// <inheritdoc/>
    public string Name => "tokenizer";

    /// <inheritdoc/>
    public string Description => "The tokenizer of the text-to-image model and its CLIP.";

    /// <inheritdoc/>
    public bool Run(RunOptions options, CancellationToken stop)
    {
        var folder = options.Model(Name);
        if (File.Exists(Path.Combine(folder, "tokenizer_config.json"))) return true;
        Directory.CreateDirectory(folder);
        var words = Words(IconPack.Open(options.Data).Concepts);
        string[] symbols = [.. Enumerable.Range(0, 256).Select(b => ByteAlphabet.CharOf((byte)b)).Order().Select(c => c.ToString())];
        string[] alphabet = [.. symbols, .. symbols.Select(s => s + BytePairEncoder.EndOfWord)];
        var merges = BytePairTrainer.Learn(words, VocabularySize - alphabet.Length - 2, least: 2);
        string[] vocabulary = [.. alphabet, .. merges.Select(m => m.Left + m.Right), Start, End];
        ModelWriter.WriteText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n" + string.Concat(merges.Select(m => $"{m.Left} {m.Right}\n")));
        ModelWriter.WriteJson(Path.Combine(folder, "vocab.json"), new JsonObject(vocabulary.Select((t, i) => KeyValuePair.Create(t, (JsonNode?)i))));
        ModelWriter.WriteJson(Path.Combine(folder, "tokenizer_config.json"), new JsonObject
        {
            ["tokenizer_class"] = "CLIPTokenizer",
            ["add_prefix_space"] = false,
            ["do_lower_case"] = true,
            ["bos_token"] = Start,
            ["eos_token"] = End,
            ["pad_token"] = End,
            ["unk_token"] = End,
            ["model_max_length"] = MaxLength,
        });
        options.Log.WriteLine($"{Name}: {vocabulary.Length} tokens of {words.Count} words");
        return true;
    }

    static Dictionary<string, int> Words(IReadOnlyList<EmojiConcept> concepts)
    {
        var counts = new Dictionary<string, int>();
        foreach (var concept in concepts)
        {
            Count(concept.Name, NameWeight);
            foreach (var tag in concept.Tags) Count(tag, 1);
        }

        foreach (var style in concepts.SelectMany(c => c.Icons.Keys).Distinct().Order(StringComparer.Ordinal))
            foreach (var (background, _) in Colors.Named)
                Count(Captions.Full(style, "thing", background) + ", " + Captions.Plain("thing"), NameWeight);
        return counts;

        void Count(string text, int weight)
        {
            var normalized = ClipText.Normalize(text, 0).Text;
            foreach (var (start, end) in ClipText.Words(normalized, 0, normalized.Length))
                counts[normalized[start..end]] = counts.GetValueOrDefault(normalized[start..end]) + weight;
        }
    }
}
