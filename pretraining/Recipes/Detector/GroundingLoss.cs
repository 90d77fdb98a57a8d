using Cones.Models.Layers;
using Cones.Pretraining.Scenes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>
/// What makes words mean something early (in pretraining only): at every positive anchor the caption's phrases compete, and the
/// regions of all images compete for the phrases of all captions before image and text are fused (as in GLIPv2, arXiv 2206.05836).
/// </summary>
/// <param name="channels">Channels of the pyramid.</param>
/// <param name="width">Width of the text encoder.</param>
sealed class GroundingLoss : Module
{
    readonly Linear _region;
    readonly Linear _name;
    readonly Weight _scale;

    /// <summary>A loss without weights.</summary>
    public GroundingLoss(int channels, int width)
    {
        _region = Add("region", new Linear(channels, channels));
        _name = Add("name", new Linear(width, channels));
        _scale = AddWeight("scale", 1);
    }

    /// <summary>Cross-entropy over the caption's phrases at positive anchors, and the part of them where the best phrase is a true one.</summary>
    /// <param name="batch">B images.</param>
    /// <param name="logits">[B, N, T].</param>
    /// <param name="metrics">Receives accuracy and chance.</param>
    public static Tensor InCaption(DetectorBatch batch, Tensor logits, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        var positives = batch.Positives();
        if (positives.Count == 0) return (logits.sum() * 0).MoveToOuterDisposeScope();
        var tokens = logits.flatten(0, 1).index_select(0, Index(positives.Select(p => p.Anchor))); // [P, T]
        var phrases = batch.PhraseTokens.index_select(0, Index(positives.Select(p => (long)batch.Boxes[p.Box].Image))); // [P, K, T]
        var scores = phrases.bmm(tokens.unsqueeze(-1)).squeeze(-1); // [P, K]
        var (count, width) = ((int)scores.shape[0], (int)scores.shape[1]);
        var (truth, absent, chance) = (new float[count * width], new float[count * width], 0.0);
        for (var row = 0; row < count; row++)
        {
            var box = batch.Boxes[positives[row].Box];
            var all = batch.Tokens[box.Image].Classes.Count;
            foreach (var place in box.Phrases) truth[(row * width) + place] = 1f / box.Phrases.Count;
            for (var place = all; place < width; place++) absent[(row * width) + place] = -1e4f;
            chance += (double)box.Phrases.Count / all;
        }

        var truths = tensor(truth, [count, width]);
        scores = scores + tensor(absent, [count, width]);
        using (no_grad())
        {
            var hit = truths.gather(1, scores.argmax(1, keepdim: true)).gt(0).to(ScalarType.Float32).mean();
            (metrics["in_caption_accuracy"], metrics["in_caption_chance"]) = (hit.item<float>(), chance / count);
        }

        return (-(truths * scores.log_softmax(1)).sum() / count).MoveToOuterDisposeScope();
    }

    /// <summary>Cross-entropy of the regions at positive anchors over all phrases of the batch.</summary>
    /// <param name="batch">B images.</param>
    /// <param name="levels">The pyramid, [B, C, H, W] each.</param>
    /// <param name="hidden">[B, T, L].</param>
    /// <param name="metrics">Receives the cosine between names.</param>
    public Tensor AcrossImages(DetectorBatch batch, IReadOnlyList<Tensor> levels, Tensor hidden, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        var positives = batch.Positives();
        var all = cat([.. levels.Select(l => l.permute(0, 2, 3, 1).flatten(1, 2))], 1).flatten(0, 1); // [B N, C]
        var regions = nn.functional.normalize(_region.Forward(all.index_select(0, Index(positives.Select(p => p.Anchor)))), 2, 1, 1e-6); // [P, C]
        var means = batch.PhraseTokens.bmm(hidden).flatten(0, 1); // [B, K, T] x [B, T, L] -> [B K, L]
        var places = batch.PhraseTokens.shape[1];
        var chosen = means.index_select(0, Index(batch.Phrases.Select(p => (p.Image * places) + p.Place))); // [J, L]
        var names = nn.functional.normalize(_name.Forward(chosen), 2, 1, 1e-6); // [J, C]
        using (no_grad()) metrics["name_cosine"] = MeanCosine(chosen);
        if (positives.Count == 0) return ((regions.sum() + names.sum() + _scale.Value.sum()) * 0).MoveToOuterDisposeScope();
        var scores = regions.matmul(names.t()) * _scale.Value.exp().clamp_max(30); // [P, J]
        var truths = Truths(batch).index_select(0, Index(positives.Select(p => (long)p.Box))); // [P, J]
        return (-(truths * scores.log_softmax(1)).sum() / positives.Count).MoveToOuterDisposeScope();
    }

    // [boxes, J]: equal shares of the phrases that are true of a box, whoever's caption they stand in.
    static Tensor Truths(DetectorBatch batch)
    {
        var width = batch.Phrases.Count;
        var truth = new float[batch.Boxes.Count * width];
        var known = new Dictionary<SceneClass, HashSet<string>>();
        for (var row = 0; row < batch.Boxes.Count; row++)
        {
            var what = batch.Boxes[row].Class;
            if (!known.TryGetValue(what, out var phrases)) known[what] = phrases = [.. what.Phrases()];
            int[] right = [.. Enumerable.Range(0, width).Where(j => phrases.Contains(batch.Phrases[j].Phrase))];
            foreach (var j in right) truth[(row * width) + j] = 1f / right.Length;
        }

        return tensor(truth, [batch.Boxes.Count, width]);
    }

    /// <summary>The mean cosine between two names [J, L]: near 1 the text has collapsed.</summary>
    public static double MeanCosine(Tensor names)
    {
        using var scope = NewDisposeScope();
        var (normed, count) = (nn.functional.normalize(names, 2, 1, 1e-6), names.shape[0]);
        var sum = normed.sum([0]).square().sum().item<float>();
        return count < 2 ? 0 : (sum - count) / (count * (count - 1.0));
    }

    static Tensor Index(IEnumerable<long> values) => tensor(values.ToArray(), ScalarType.Int64);
}
