using Cones.Models.GroundingDino.Text;
using Cones.Models.Tokenizers;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Class names to caption, spans, token ids and positive maps.</summary>
public sealed class PositiveMapRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["grounding-dino-positive-map"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var tokenizer = BertTokenizer.FromFolder(Path.GetFullPath(golden.PathOf(golden.Json.GetProperty("tokenizer").GetString()!)));
        var index = 0;
        foreach (var row in golden.Json.GetProperty("captions").EnumerateArray())
        {
            var names = row.GetProperty("entities").EnumerateArray().Select(e => e.GetString()!).ToArray();
            var width = (int)golden.Tensors[$"out.{index}.positive_map"].shape[1];
            var caption = GroundingCaption.FromNames(names, tokenizer, width);
            var ids = tensor(caption.Tokens.Ids.Select(i => (long)i).ToArray());
            result.ExpectEqual(row.GetProperty("caption").GetString(), caption.Text, $"caption {index}");
            result.ExpectSequence(row.GetProperty("spans").EnumerateArray().Select(s => (s[0][0].GetInt32(), s[0][1].GetInt32())), caption.Spans.Select(s => (s.Start, s.End)), $"spans {index}");
            result.ExpectSequence(
                row.GetProperty("label_to_tokens").EnumerateArray().SelectMany((slots, c) => slots.EnumerateArray().Select(s => (c, s.GetInt32()))),
                caption.ClassSlots.SelectMany((slots, c) => slots.Select(s => (c, s))), $"slots {index}");
            result.Check($"out.{index}.input_ids", ids);
            result.Check($"out.{index}.positive_map", caption.PositiveMap(width));
            result.Check($"out.{index}.positive_map_normalised", caption.NormalizedPositiveMap(width));
            result.Check($"out.{index}.hf_label_map", LabelMaps.ToPositiveMap(LabelMaps.FromIds(ids.unsqueeze(0))[0], width));
            index++;
        }

        result.RequireAllOutputs();
    }
}
