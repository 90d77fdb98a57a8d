using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Head;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Training;

/// <summary>GLIP's training losses (<c>ATSSLossComputation</c>).</summary>
/// <param name="config">The weights.</param>
public sealed class GlipLoss(GlipLossConfig config)
{
    /// <summary>
    /// Whether background anchors are taught the last column of the text, as GLIP does (an idea of a token for "nothing" that it
    /// never finished). The text's mask removes that column unless a caption fills all columns; so only with captions cut to their
    /// valid tokens, or of full length, it makes a difference, and a bad one. Default: no.
    /// </summary>
    public bool TeachesLastColumn { get; init; }

    /// <summary>Assigns boxes to anchors, then computes the losses.</summary>
    /// <param name="outputs">The head's outputs for B images.</param>
    /// <param name="anchors">The anchors of the outputs' levels.</param>
    /// <param name="targets">For each image its boxes [G, 4] in pixels of the resized image; G may be 0.</param>
    /// <param name="positiveMap">Which tokens each box is of, [boxes of all images, T]: <see cref="Text.GlipTokens.PositiveMap"/>.</param>
    /// <param name="mask">[B, T], or [1, T] for all images: 0 for tokens that take no part.</param>
    /// <exception cref="ArgumentException">A shape does not fit.</exception>
    public GlipLosses Compute(GlipOutputs outputs, GlipAnchors anchors, IReadOnlyList<Tensor> targets, Tensor positiveMap, Tensor mask)
    {
        var assigner = new AtssAssigner(config);
        return Compute(outputs, [.. targets.Select(t => assigner.Assign(anchors, t))], positiveMap, mask);
    }

    /// <summary>Computes the losses of boxes that are assigned already.</summary>
    /// <param name="outputs">The head's outputs for B images.</param>
    /// <param name="assignments">One for each image.</param>
    /// <param name="positiveMap">As in the other overload.</param>
    /// <param name="mask">As in the other overload.</param>
    /// <exception cref="ArgumentException">A shape does not fit.</exception>
    public GlipLosses Compute(GlipOutputs outputs, IReadOnlyList<AtssAssignment> assignments, Tensor positiveMap, Tensor mask)
    {
        Check(outputs, assignments, positiveMap, mask);
        using var scope = NewDisposeScope();
        var logits = SinglePrecision.Of(cat(outputs.Logits.ToArray(), 1)); // [B, N, T]
        var positives = tensor(PositiveIndices(assignments), device: logits.device); // [P], in the anchors of all images
        var count = Math.Max(positives.shape[0], 1);
        var token = TokenLoss(logits, TokenTargets(assignments, positiveMap).to(logits.dtype, logits.device), mask) / count;
        var (box, centerness) = positives.shape[0] > 0 ? PositiveLosses(outputs, assignments, positives) : (logits.sum() * 0, logits.sum() * 0);
        centerness = centerness / count;
        var total = token + box + centerness;
        return new GlipLosses(
            token.MoveToOuterDisposeScope(), box.MoveToOuterDisposeScope(), centerness.MoveToOuterDisposeScope(), total.MoveToOuterDisposeScope());
    }

    /// <summary>What the token loss wants of every anchor: the tokens of its box, nothing for background.</summary>
    /// <param name="assignments">One for each of B images of N anchors.</param>
    /// <param name="positiveMap">As in <see cref="Compute(GlipOutputs, IReadOnlyList{AtssAssignment}, Tensor, Tensor)"/>.</param>
    /// <returns>float32 [B, N, T] on the positive map's device.</returns>
    public Tensor TokenTargets(IReadOnlyList<AtssAssignment> assignments, Tensor positiveMap)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (anchors, tokens, device) = (assignments[0].AnchorCount, positiveMap.shape[1], positiveMap.device);
        var targets = zeros([assignments.Count * anchors, tokens], dtype: ScalarType.Float32, device: device);
        if (TeachesLastColumn) targets.select(1, -1).fill_(1);
        var rows = new List<long>();
        var firstBox = 0L;
        foreach (var assignment in assignments)
        {
            rows.AddRange(assignment.Boxes.Select(b => firstBox + b));
            firstBox += assignment.BoxCount;
        }

        if (rows.Count > 0)
            targets.index_copy_(0, tensor(PositiveIndices(assignments), device: device), positiveMap.to(ScalarType.Float32).index_select(0, tensor(rows.ToArray(), device: device)));
        return targets.view(assignments.Count, anchors, tokens).MoveToOuterDisposeScope();
    }

    // token_sigmoid_binary_focal_loss, summed over what the mask lets through.
    Tensor TokenLoss(Tensor logits, Tensor targets, Tensor mask)
    {
        var probability = logits.sigmoid();
        var ofTarget = (probability * targets) + ((1 - probability) * (1 - targets));
        var loss = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction: nn.Reduction.None) * (1 - ofTarget).pow(config.TokenGamma);
        if (config.TokenAlpha >= 0) loss = loss * ((config.TokenAlpha * targets) + ((1 - config.TokenAlpha) * (1 - targets)));
        return (loss * mask.ne(0).to(loss.dtype).unsqueeze(1)).sum(); // [B, N, T] x [B, 1, T]
    }

    (Tensor Box, Tensor Centerness) PositiveLosses(GlipOutputs outputs, IReadOnlyList<AtssAssignment> assignments, Tensor positives)
    {
        var (boxes, logits) = (SinglePrecision.Of(Select(outputs.Boxes, positives)), SinglePrecision.Of(Select(outputs.Centerness, positives)).squeeze(1)); // [P, 4], [P]
        var (type, device) = (boxes.dtype, boxes.device);
        var weights = tensor(assignments.SelectMany(a => a.Centerness).ToArray(), dtype: type, device: device); // [P]
        var anchors = cat([.. assignments.Select(a => a.AnchorBoxes())], 0).to(type, device); // [P, 4]
        var targets = cat([.. assignments.Select(a => a.TargetBoxes())], 0).to(type, device);
        var predicted = GlipBoxCoder.Decode(boxes, anchors);
        var sum = weights.sum();
        var losses = GeneralizedIoU(predicted, targets);
        // Weights that are all 0 are left out, as in GLIP.
        var box = (sum.to(ScalarType.Float64).item<double>() > 0 ? (losses * weights).sum() / sum : losses.sum() / sum) * config.BoxWeight;
        var centerness = nn.functional.binary_cross_entropy_with_logits(logits, weights, reduction: nn.Reduction.Sum);
        return (box, centerness);
    }

    // 1 - GIoU of boxes [P, 4], plain widths (arXiv 1902.09630); [P].
    static Tensor GeneralizedIoU(Tensor predicted, Tensor targets)
    {
        const double tiny = 1e-7;
        var (low, targetLow, targetHigh) = (predicted.narrow(1, 0, 2), targets.narrow(1, 0, 2), targets.narrow(1, 2, 2));
        var high = maximum(low, predicted.narrow(1, 2, 2));
        var overlap = minimum(high, targetHigh) - maximum(low, targetLow); // [P, 2]
        var intersection = where(overlap.gt(0).all(1), overlap.prod(1), zeros(1, dtype: overlap.dtype, device: overlap.device));
        var enclosing = (maximum(high, targetHigh) - minimum(low, targetLow)).prod(1) + tiny;
        var union = (high - low).prod(1) + (targetHigh - targetLow).prod(1) - intersection + tiny;
        return 1 - ((intersection / union) - ((enclosing - union) / enclosing));
    }

    // Levels [B, c, H, W] -> [B, N, c] -> the rows of the positive anchors [P, c].
    static Tensor Select(IReadOnlyList<Tensor> levels, Tensor positives) => LevelTokens.Join(levels).flatten(0, 1).index_select(0, positives);

    static long[] PositiveIndices(IReadOnlyList<AtssAssignment> assignments) =>
        [.. assignments.SelectMany((a, image) => a.Anchors.Select(anchor => ((long)image * a.AnchorCount) + anchor))];

    static void Check(GlipOutputs outputs, IReadOnlyList<AtssAssignment> assignments, Tensor positiveMap, Tensor mask)
    {
        var (batch, tokens, anchors) = (outputs.Batch, outputs.Tokens, outputs.Logits.Sum(l => l.shape[1]));
        if (assignments.Count != batch) throw new ArgumentException($"the boxes of {assignments.Count} images given for {batch} images", nameof(assignments));
        if (assignments.FirstOrDefault(a => a.AnchorCount != anchors) is { } other)
            throw new ArgumentException($"boxes were assigned to {other.AnchorCount} anchors, the outputs have {anchors}", nameof(assignments));
        if (positiveMap.dim() != 2 || positiveMap.shape[0] != assignments.Sum(a => a.BoxCount) || positiveMap.shape[1] != tokens)
            throw new ArgumentException($"the positive map must be {ShapeCheck.Text(assignments.Sum(a => a.BoxCount), tokens)}, not {ShapeCheck.Text(positiveMap.shape)}", nameof(positiveMap));
        if (mask.dim() != 2 || (mask.shape[0] != batch && mask.shape[0] != 1) || mask.shape[1] != tokens)
            throw new ArgumentException($"the mask must be [{batch} or 1,{tokens}], not {ShapeCheck.Text(mask.shape)}", nameof(mask));
    }
}
