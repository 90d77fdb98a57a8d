using Cones.Models.Tokenizers;
using static Cones.Goldens.Runners.Tokenizers.TokenizerCase;

namespace Cones.Goldens.Runners.Tokenizers;

/// <summary>BERT ids and offsets of strings, and the tokens of a caption's phrases.</summary>
sealed class BertTokenizerRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds { get; } = ["tokenizer-bert-strings", "tokenizer-bert-captions"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        if (PublishedBert(result) is not { } tokenizer) return;
        foreach (var row in Lines(golden))
        {
            var text = row.GetProperty("text").GetString()!;
            var actual = tokenizer.Encode(text, null);
            result.ExpectSequence(Ints(row, "ids"), actual.Ids, $"ids of {Quote(text)}");
            if (golden.Kind == "tokenizer-bert-strings")
            {
                result.ExpectSequence(Spans(row, "offsets"), actual.Spans.Select(s => InCodePoints(text, s)), $"offsets of {Quote(text)}");
                var units = row.TryGetProperty("offsets16", out _) ? "offsets16" : "offsets";
                result.ExpectSequence(Spans(row, units), actual.Spans, $"{units} of {Quote(text)}");
                continue;
            }

            result.ExpectEqual(row.GetProperty("length").GetInt32(), actual.Ids.Count, $"length of {Quote(text)}");
            var padded = tokenizer.Encode(text, Ints(row, "ids256").Length, TokenPadding.MaxLength);
            result.ExpectSequence(Ints(row, "ids256"), padded.Ids, $"ids256 of {Quote(text)}");
            result.ExpectSequence(Ints(row, "mask256"), padded.AttentionMask, $"mask256 of {Quote(text)}");
            var phrases = Strings(row, "phrases");
            var spans = Spans(row, "spans");
            var units16 = row.TryGetProperty("spans16", out _) ? Spans(row, "spans16") : spans;
            var position = 0;
            for (var i = 0; i < phrases.Length; i++)
            {
                var start = text.IndexOf(phrases[i], position, StringComparison.Ordinal);
                var span = new TextSpan(start, start + phrases[i].Length);
                position = span.End;
                result.ExpectEqual(units16[i], span, $"span of {phrases[i]}");
                result.ExpectEqual(spans[i], InCodePoints(text, span), $"span of {phrases[i]} in code points");
                var expected = row.GetProperty("tokens")[i].EnumerateArray().Select(t => t.GetInt32());
                result.ExpectSequence(expected, actual.SlotsOf(span), $"tokens of {phrases[i]} in {Quote(text)}");
            }
        }
    }
}
