using static Cones.Goldens.Runners.Tokenizers.TokenizerCase;

namespace Cones.Goldens.Runners.Tokenizers;

/// <summary>Ids back to text and to the vocabulary's strings.</summary>
sealed class TokenizerDecodeRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds { get; } = ["tokenizer-decode"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        if (PublishedClip(result) is not { } clip || PublishedBert(result) is not { } bert) return;
        foreach (var row in Lines(golden))
        {
            var clipIds = Ints(row, "clip_ids");
            var bertIds = Ints(row, "bert_ids");
            result.ExpectEqual(row.GetProperty("clip_text").GetString(), clip.Decode(clipIds), "clip_text");
            result.ExpectSequence(Strings(row, "clip_tokens"), clipIds.Select(clip.TokenOf), "clip_tokens");
            result.ExpectEqual(row.GetProperty("bert_text").GetString(), bert.Decode(bertIds), "bert_text");
            result.ExpectEqual(row.GetProperty("bert_text_raw").GetString(), bert.Decode(bertIds), "bert_text_raw");
            result.ExpectSequence(Strings(row, "bert_tokens"), bertIds.Select(bert.TokenOf), "bert_tokens");
        }
    }
}
