using Cones.Goldens.Runners.Tokenizers;
using Cones.Models.Glip.Text;
using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-caption-positive-map</c>: class names to captions, tokens of each class, rows of the positive map.</summary>
sealed class CaptionRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-caption-positive-map"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var tokenizer = BertTokenizer.FromFolder(GlipCase.ModelFolder(golden));
        var separator = GlipCase.Config(golden).Separator;
        foreach (var name in golden.Json.GetProperty("clean_name").EnumerateArray())
            result.ExpectEqual(name.GetProperty("out").GetString(), GlipCaption.CleanName(name.GetProperty("in").GetString()!), "clean_name");
        foreach (var example in golden.Json.GetProperty("examples").EnumerateArray())
        {
            string[] names = [.. example.GetProperty("class_names").EnumerateArray().Select(n => n.GetString()!)];
            var demo = example.GetProperty("rule").GetString()!.StartsWith("demo", StringComparison.Ordinal);
            var caption = demo ? GlipCaption.Demo(names) : GlipCaption.FromClasses(names, separator);
            result.ExpectEqual(example.GetProperty("caption").GetString(), caption.Text, "caption");
            result.ExpectSequence(
                example.GetProperty("char_spans").EnumerateArray().SelectMany(c => c.EnumerateArray()).Select(s => new TextSpan(s[0].GetInt32(), s[1].GetInt32())),
                caption.Spans.SelectMany(s => s).Select(s => TokenizerCase.InCodePoints(caption.Text, s)), $"spans of '{caption.Text}'");

            var tokens = caption.Tokenize(tokenizer);
            result.ExpectSequence(example.GetProperty("input_ids").EnumerateArray().Select(i => i.GetInt32()), tokens.Text.Ids, $"ids of '{caption.Text}'");
            var expected = GlipCase.Classes(example.GetProperty("label_to_tokens"));
            for (var c = 0; c < names.Length; c++)
                result.ExpectSequence(c < expected.Count ? expected[c] : [], tokens.Classes[c], $"tokens of '{names[c]}' in '{caption.Text}'");

            using var map = tokens.PositiveMap([.. Enumerable.Range(1, names.Length)]);
            var rows = example.GetProperty("positive_map_nonzero").EnumerateArray().ToArray();
            var values = example.GetProperty("positive_map_value_per_row").EnumerateArray().ToArray();
            for (var row = 0; row < rows.Length; row++)
            {
                long[] nonzero = [.. map[row].nonzero().flatten().data<long>()];
                result.ExpectSequence(rows[row].EnumerateArray().Select(t => t.GetInt64()), nonzero, $"row {row} of the positive map of '{caption.Text}'");
                // The normalised form, which GLIP's collator undoes.
                if (nonzero.Length > 0) result.ExpectEqual(values[row].GetSingle(), 1 / (nonzero.Length + 1e-6f), "value of the positive map");
            }
        }
    }
}
