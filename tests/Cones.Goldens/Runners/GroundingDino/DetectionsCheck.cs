using System.Text.Json;
using Cones.Models.GroundingDino.Detections;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Compares the detections of one image, by words and by class.</summary>
sealed class DetectionsCheck(GoldenCase golden, GoldenResult result, BertTokenizer tokenizer)
{
    /// <param name="index">The image.</param>
    /// <param name="logits">[Q, W].</param>
    /// <param name="boxes">[Q, 4].</param>
    /// <param name="size">The original image's size.</param>
    /// <param name="ids">[T].</param>
    /// <param name="slots">The slots of each class's tokens.</param>
    public void Run(int index, Tensor logits, Tensor boxes, ImageSize size, Tensor ids, JsonElement slots)
    {
        var (threshold, textThreshold) = (golden.Json.GetProperty("threshold").GetDouble(), golden.Json.GetProperty("text_threshold").GetDouble());
        var tokens = ids.data<long>().Select(i => (int)i).ToArray();
        var phrases = GroundingDinoPostProcessor.ByPhrase(logits, boxes, size, tokens, tokenizer, threshold, textThreshold, (int)logits.shape[1]);
        result.Check($"out.hf.{index}.scores", tensor(phrases.Select(d => d.Score).ToArray()));
        result.Check($"out.hf.{index}.boxes", Boxes(phrases.Select(d => d.Box)));
        result.ExpectSequence(golden.Json.GetProperty("expected_hf_text_labels")[index].EnumerateArray().Select(t => t.GetString()), phrases.Select(d => d.Text), $"texts {index}");

        int[][] classSlots = [.. slots.EnumerateArray().Select(c => c.EnumerateArray().Select(s => s.GetInt32()).ToArray())];
        foreach (var (name, aggregation) in new[] { ("mmdet_mean", ScoreAggregation.Mean), ("mmdet_max", ScoreAggregation.Max) })
        {
            var found = GroundingDinoPostProcessor.ByClass(logits, boxes, size, classSlots, aggregation, golden.Json.GetProperty("max_per_img").GetInt32());
            result.Check($"out.{name}.{index}.scores", tensor(found.Select(d => d.Score).ToArray()));
            result.Check($"out.{name}.{index}.labels", tensor(found.Select(d => (long)d.Label).ToArray()));
            result.Check($"out.{name}.{index}.query", tensor(found.Select(d => (long)d.Query).ToArray()));
            result.Check($"out.{name}.{index}.boxes", Boxes(found.Select(d => d.Box)));
        }
    }

    static Tensor Boxes(IEnumerable<DetectedBox> boxes) => tensor(boxes.SelectMany(b => new[] { b.X1, b.Y1, b.X2, b.Y2 }).ToArray()).view(-1, 4);
}
