using System.Text.Json;
using Cones.Models.Tokenizers;
using static Cones.Goldens.Runners.Tokenizers.TokenizerCase;

namespace Cones.Goldens.Runners.Tokenizers;

/// <summary>CLIP ids of strings: with the published vocabulary, padded, and with a small vocabulary in the case's folder.</summary>
sealed class ClipTokenizerRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds { get; } = ["tokenizer-clip-strings", "tokenizer-clip-pad77", "tokenizer"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        if (golden.Kind == "tokenizer-clip-strings") RunStrings(golden, result);
        else if (golden.Kind == "tokenizer-clip-pad77") RunPadded(golden, result);
        else RunFolder(golden, result);
    }

    static void RunStrings(GoldenCase golden, GoldenResult result)
    {
        if (PublishedClip(result) is not { } tokenizer) return;
        foreach (var row in Lines(golden))
        {
            var text = row.GetProperty("text").GetString()!;
            result.ExpectSequence(Ints(row, "ids"), tokenizer.Encode(text), Quote(text));
        }
    }

    static void RunPadded(GoldenCase golden, GoldenResult result)
    {
        if (PublishedClip(result) is not { } eos || PublishedClip(result, "!") is not { } zero) return;
        foreach (var row in Lines(golden))
        {
            CheckPadded(eos, row, "pad_eos", "mask", result);
            CheckPadded(zero, row, "pad_zero", "mask_zero", result);
        }
    }

    static void CheckPadded(ClipTokenizer tokenizer, JsonElement row, string ids, string mask, GoldenResult result)
    {
        var text = row.GetProperty("text").GetString()!;
        var expected = Ints(row, ids);
        var actual = tokenizer.Encode(text, expected.Length, TokenPadding.MaxLength);
        result.ExpectSequence(expected, actual.Ids, $"{ids} of {Quote(text)}");
        if (row.TryGetProperty(mask, out _)) result.ExpectSequence(Ints(row, mask), actual.AttentionMask, $"{mask} of {Quote(text)}");
    }

    static void RunFolder(GoldenCase golden, GoldenResult result)
    {
        var tokenizer = ClipTokenizer.FromFolder(golden.PathOf("tokenizer"));
        foreach (var row in golden.Json.GetProperty("cases").EnumerateArray())
        {
            var text = row.GetProperty("text").GetString()!;
            var ids = tokenizer.Encode(text);
            result.ExpectSequence(Ints(row, "ids"), ids, $"ids of {Quote(text)}");
            result.ExpectSequence(Strings(row, "tokens"), ids.Select(tokenizer.TokenOf), $"tokens of {Quote(text)}");
            CheckPadded(tokenizer, row, "padded", "attention_mask", result);
            if (Ints(row, "padded") is var padded && padded.Length == tokenizer.MaxLength)
                result.ExpectSequence(padded, tokenizer.TokenizeBatch([text]).Texts[0].Ids, $"padded to model_max_length: {Quote(text)}");
        }
    }
}
