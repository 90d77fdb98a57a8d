using Cones.Models.GroundingDino.Losses;
using Cones.Models.Imaging;
using Cones.Models.Layers;
using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Detections;

/// <summary>Turns the last layer's scores and boxes into detections.</summary>
public static class GroundingDinoPostProcessor
{
    /// <summary>Detections by class: the best pairs of query and class, best first (mmdet's <c>_predict_by_feat_single</c>).</summary>
    /// <param name="logits">[Q, W]: one image's class scores by token.</param>
    /// <param name="boxes">[Q, 4]: (cx, cy, w, h) in 0..1.</param>
    /// <param name="imageSize">The original image's size.</param>
    /// <param name="classSlots">The slots of each class's tokens.</param>
    /// <param name="aggregation">How tokens' scores become a class's.</param>
    /// <param name="maxDetections">How many pairs are kept at most (mmdet: 300).</param>
    /// <param name="threshold">Pairs with a score below it are left out.</param>
    /// <exception cref="ArgumentException">A shape is wrong, or a class has no tokens or one beyond the scores.</exception>
    public static IReadOnlyList<Detection> ByClass(
        Tensor logits, Tensor boxes, ImageSize imageSize, IReadOnlyList<IReadOnlyList<int>> classSlots,
        ScoreAggregation aggregation = ScoreAggregation.Max, int maxDetections = 300, double threshold = 0)
    {
        Check(logits, boxes);
        Check(classSlots, logits.shape[1]);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var scores = ClassScores(logits.to(ScalarType.Float32).sigmoid(), classSlots, aggregation); // [Q, C]
        var (best, index) = scores.flatten().topk((int)Math.Min(maxDetections, scores.numel()));
        var query = index.div(classSlots.Count, RoundingMode.floor); // [K]
        var size = Scale(imageSize, boxes.device);
        var corners = (BoxGeometry.ToCorners(boxes.to(ScalarType.Float32)) * size).minimum(size).clamp_min(0);
        var (values, places, queries) = (Floats(best), Rows(corners.index_select(0, query)), Longs(query));
        var labels = Longs(index.remainder(classSlots.Count));
        return
        [
            .. Enumerable.Range(0, values.Length).Where(i => values[i] >= threshold)
                .Select(i => new Detection(places[i], values[i], (int)labels[i], (int)queries[i])),
        ];
    }

    /// <summary>Detections by words: every query with a high score (<c>post_process_grounded_object_detection</c> of transformers).</summary>
    /// <param name="logits">[Q, W]: one image's class scores by token.</param>
    /// <param name="boxes">[Q, 4]: (cx, cy, w, h) in 0..1.</param>
    /// <param name="imageSize">The original image's size.</param>
    /// <param name="ids">The caption's token ids.</param>
    /// <param name="tokenizer">The tokenizer of the ids.</param>
    /// <param name="threshold">Queries whose highest score is above it are kept.</param>
    /// <param name="textThreshold">Tokens with a score above it are part of a detection's text.</param>
    /// <param name="maxTextLen">The tokens that the model takes (<see cref="GroundingDinoConfig.MaxTextLen"/>).</param>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public static IReadOnlyList<PhraseDetection> ByPhrase(
        Tensor logits, Tensor boxes, ImageSize imageSize, IReadOnlyList<int> ids, BertTokenizer tokenizer,
        double threshold = 0.25, double textThreshold = 0.25, int maxTextLen = 256)
    {
        Check(logits, boxes);
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(tokenizer);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var scores = logits.to(ScalarType.Float32).sigmoid(); // [Q, W]
        var (values, best, width) = (Floats(scores), Floats(scores.amax([-1])), (int)logits.shape[1]);
        var places = Rows(BoxGeometry.ToCorners(boxes.to(ScalarType.Float32)) * Scale(imageSize, boxes.device));
        var detections = new List<PhraseDetection>();
        for (var q = 0; q < best.Length; q++)
        {
            if (!(best[q] > threshold)) continue;
            var row = values.AsMemory(q * width, width);
            // The first and the last column never name anything: [CLS], and in a full text [SEP].
            var last = Math.Min(Math.Min(ids.Count, width), maxTextLen - 1);
            var words = Enumerable.Range(1, Math.Max(last - 1, 0)).Where(t => row.Span[t] > textThreshold).Select(t => ids[t]);
            detections.Add(new PhraseDetection(places[q], best[q], tokenizer.Decode(words, skipSpecial: false), q));
        }

        return detections;
    }

    // [Q, W] -> [Q, C].
    static Tensor ClassScores(Tensor scores, IReadOnlyList<IReadOnlyList<int>> classSlots, ScoreAggregation aggregation) => stack(classSlots.Select(slots =>
    {
        var own = scores.index_select(1, tensor(slots.Select(s => (long)s).ToArray(), device: scores.device)); // [Q, tokens]
        return aggregation == ScoreAggregation.Max ? own.amax([1]) : own.mean([1]);
    }), 1);

    static Tensor Scale(ImageSize size, Device device) => tensor(new float[] { size.Width, size.Height, size.Width, size.Height }, device: device);

    static float[] Floats(Tensor x) => x.cpu().contiguous().data<float>().ToArray();

    static long[] Longs(Tensor x) => x.cpu().contiguous().data<long>().ToArray();

    static DetectedBox[] Rows(Tensor boxes) => [.. Floats(boxes).Chunk(4).Select(b => new DetectedBox(b[0], b[1], b[2], b[3]))];

    static void Check(Tensor logits, Tensor boxes)
    {
        ShapeCheck.Require(nameof(logits), logits, ShapeCheck.Any, ShapeCheck.Any);
        ShapeCheck.Require(nameof(boxes), boxes, logits.shape[0], 4);
    }

    static void Check(IReadOnlyList<IReadOnlyList<int>> classSlots, long width)
    {
        ArgumentNullException.ThrowIfNull(classSlots);
        if (classSlots.Count == 0) throw new ArgumentException("there are no classes", nameof(classSlots));
        for (var c = 0; c < classSlots.Count; c++)
            if (classSlots[c].Count == 0 || classSlots[c].Any(s => s < 0 || s >= width))
                throw new ArgumentException($"class {c} has the slots [{string.Join(",", classSlots[c])}], but must have some within 0 to {width - 1}", nameof(classSlots));
    }
}
