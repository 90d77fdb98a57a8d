using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Head;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Detection;

/// <summary>From the head's outputs to detections (<c>ATSSPostProcessor</c> of GLIP).</summary>
/// <param name="config">Thresholds and limits.</param>
/// <param name="anchors">The anchors that boxes are relative to.</param>
public sealed class GlipPostProcessor(GlipDetectionConfig config, GlipAnchorConfig anchors)
{
    /// <summary>Finds the detections of each image.</summary>
    /// <param name="outputs">The head's outputs for B images.</param>
    /// <param name="classes">
    /// For each image (or one entry for all) the tokens of each class: <see cref="Text.GlipTokens.Classes"/>. A class without tokens is never found.
    /// </param>
    /// <param name="sizes">The sizes of the resized images, without padding: boxes are cut off there.</param>
    /// <param name="originalSizes">The sizes that boxes are scaled to; null leaves them in the resized images.</param>
    /// <returns>For each image its detections, by descending score.</returns>
    /// <exception cref="ArgumentException">A number does not fit the batch, or a token is outside the logits.</exception>
    public IReadOnlyList<IReadOnlyList<GlipDetection>> Process(
        GlipOutputs outputs, IReadOnlyList<IReadOnlyList<IReadOnlyList<int>>> classes, IReadOnlyList<ImageSize> sizes, IReadOnlyList<ImageSize>? originalSizes = null)
    {
        Check(outputs, classes, sizes, originalSizes);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var all = GlipAnchors.Create(anchors, outputs.LevelSizes);
        var results = new List<IReadOnlyList<GlipDetection>>();
        for (var image = 0; image < outputs.Batch; image++)
        {
            var candidates = new List<GlipDetection>();
            var first = 0;
            for (var level = 0; level < outputs.Logits.Count; level++)
            {
                candidates.AddRange(Candidates(outputs, level, image, classes[classes.Count == 1 ? 0 : image], all.Boxes.Slice(4 * first, 4 * all.LevelCounts[level]), sizes[image]));
                first += all.LevelCounts[level];
            }

            var kept = Limit(GlipNms.Apply(candidates, config.NmsThreshold));
            results.Add(originalSizes is null ? kept : [.. kept.Select(d => d.Resize(sizes[image], originalSizes[image]))]);
        }

        return results;
    }

    GlipDetection[] Candidates(
        GlipOutputs outputs, int level, int image, IReadOnlyList<IReadOnlyList<int>> classes, ReadOnlySpan<float> anchorBoxes, ImageSize size)
    {
        using var scope = NewDisposeScope();
        var probabilities = TensorValues.Floats(outputs.Logits[level][image].sigmoid()); // [HW, T]
        var centerness = TensorValues.Floats(outputs.Centerness[level][image].sigmoid()); // [1, H, W]
        var found = new List<(int Pixel, int Label, double Score)>();
        for (var pixel = 0; pixel < centerness.Length; pixel++)
            for (var c = 0; c < classes.Count; c++)
            {
                if (classes[c].Count == 0) continue;
                var probability = Aggregate(probabilities.AsSpan(pixel * (int)outputs.Tokens, (int)outputs.Tokens), classes[c]);
                // The threshold comes before centerness.
                if (probability > config.ScoreThreshold) found.Add((pixel, c + 1, probability * centerness[pixel]));
            }

        if (found.Count == 0) return [];
        var best = found.OrderByDescending(f => f.Score).Take(config.CandidatesPerLevel).ToArray();
        var pixels = best.Select(f => (long)f.Pixel).ToArray();
        var deltas = outputs.Boxes[level][image].flatten(1).t().index_select(0, tensor(pixels, device: outputs.Boxes[level].device)).to(ScalarType.Float32).cpu(); // [4, H, W] -> [HW, 4] -> [n, 4]
        var boxes = TensorValues.Floats(GlipBoxes.Clip(GlipBoxCoder.Decode(deltas, tensor(Select(anchorBoxes, pixels), [pixels.Length, 4])), size));
        return [.. best.Select((f, i) => new GlipDetection(boxes[4 * i], boxes[(4 * i) + 1], boxes[(4 * i) + 2], boxes[(4 * i) + 3], (float)Math.Sqrt(f.Score), f.Label))];
    }

    double Aggregate(ReadOnlySpan<float> probabilities, IReadOnlyList<int> tokens)
    {
        double sum = 0, largest = 0;
        foreach (var token in tokens)
        {
            sum += probabilities[token];
            largest = Math.Max(largest, probabilities[token]);
        }

        return config.ScoreAggregation == GlipScoreAggregation.Max ? largest : sum / tokens.Count;
    }

    // Those that tie with the last one kept stay, as in GLIP.
    IReadOnlyList<GlipDetection> Limit(IReadOnlyList<GlipDetection> sorted)
    {
        var limit = config.DetectionsPerImage;
        if (limit == 0 || sorted.Count <= limit) return sorted;
        return [.. sorted.TakeWhile(d => d.Score >= sorted[limit - 1].Score)];
    }

    static float[] Select(ReadOnlySpan<float> boxes, long[] indices)
    {
        var selected = new float[4 * indices.Length];
        for (var i = 0; i < indices.Length; i++) boxes.Slice((int)(4 * indices[i]), 4).CopyTo(selected.AsSpan(4 * i));
        return selected;
    }

    static void Check(GlipOutputs outputs, IReadOnlyList<IReadOnlyList<IReadOnlyList<int>>> classes, IReadOnlyList<ImageSize> sizes, IReadOnlyList<ImageSize>? originalSizes)
    {
        var batch = outputs.Batch;
        if (classes.Count != batch && classes.Count != 1)
            throw new ArgumentException($"the classes of {classes.Count} captions given, 1 or {batch} expected", nameof(classes));
        if (sizes.Count != batch) throw new ArgumentException($"{sizes.Count} sizes given for {batch} images", nameof(sizes));
        if (originalSizes is not null && originalSizes.Count != batch)
            throw new ArgumentException($"{originalSizes.Count} original sizes given for {batch} images", nameof(originalSizes));
        foreach (var token in classes.SelectMany(c => c).SelectMany(c => c))
            if (token < 0 || token >= outputs.Tokens) throw new ArgumentException($"token {token} given, the logits have {outputs.Tokens}", nameof(classes));
    }
}
