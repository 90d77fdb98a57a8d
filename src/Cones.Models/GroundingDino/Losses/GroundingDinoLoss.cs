using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Losses;

/// <summary>
/// The loss of Grounding DINO as mmdet trains and fine-tunes it (<c>GroundingDINOHead.loss_by_feat</c>), without its denoising
/// queries, whose embedding is not part of published checkpoints.
/// </summary>
/// <remarks>
/// Every decoder layer and the encoder's proposals are matched with the targets on their own; focal loss of all queries and
/// tokens, L1 and GIoU loss of matched boxes, each divided by the number of matched boxes of the batch.
/// </remarks>
public sealed class GroundingDinoLoss(DetectionLossOptions? options = null)
{
    // mmdet adds float32's epsilon to the number that losses are divided by.
    const double CountEps = 1.1920928955078125e-7;

    readonly DetectionLossOptions _options = options ?? new DetectionLossOptions();

    /// <summary>The loss of the detector's outputs.</summary>
    /// <param name="output">The outputs for B images.</param>
    /// <param name="tokens">[B, T]: non-zero for tokens, as in the text's masks.</param>
    /// <param name="targets">One an image.</param>
    /// <exception cref="ArgumentException">Shapes do not agree, or outputs are not finite.</exception>
    public DetectionLoss Compute(GroundingDinoOutput output, Tensor tokens, IReadOnlyList<DetectionTarget> targets)
    {
        ArgumentNullException.ThrowIfNull(output);
        return Compute(output.Logits, output.Boxes, output.Proposals?.Logits, output.Proposals?.Boxes, tokens, targets);
    }

    /// <summary>The loss of logits and boxes.</summary>
    /// <param name="logits">[L, B, Q, W] with W at least T: minus infinity at padding and beyond the text.</param>
    /// <param name="boxes">[L, B, Q, 4]: (cx, cy, w, h) in 0..1.</param>
    /// <param name="proposalLogits">[B, Q, W] of the encoder, or null.</param>
    /// <param name="proposalBoxes">[B, Q, 4] of the encoder, or null.</param>
    /// <param name="tokens">[B, T]: non-zero for tokens.</param>
    /// <param name="targets">One an image.</param>
    /// <exception cref="ArgumentException">Shapes do not agree, or outputs are not finite.</exception>
    public DetectionLoss Compute(
        Tensor logits, Tensor boxes, Tensor? proposalLogits, Tensor? proposalBoxes, Tensor tokens, IReadOnlyList<DetectionTarget> targets)
    {
        Check(logits, boxes, proposalLogits, proposalBoxes, tokens, targets);
        using var scope = NewDisposeScope();
        var length = tokens.shape[1];
        var valid = tokens.ne(0);
        var terms = new Dictionary<string, Tensor>();
        var matches = new Dictionary<string, IReadOnlyList<IReadOnlyList<Match>>>();
        var batch = targets.Select(t => TargetTensors.Of(t, logits.device)).ToArray();
        if (proposalLogits is not null) AddStage("enc", "enc_", proposalLogits, proposalBoxes!);
        var layers = (int)logits.shape[0];
        for (var l = 0; l < layers; l++) AddStage($"dec{l}", l == layers - 1 ? "" : $"d{l}_", logits[l], boxes[l]);

        var total = stack(terms.Values).sum().MoveToOuterDisposeScope();
        foreach (var term in terms.Values) term.MoveToOuterDisposeScope();
        return new DetectionLoss(total, terms, matches);

        void AddStage(string stage, string prefix, Tensor stageLogits, Tensor stageBoxes)
        {
            stageLogits = stageLogits.narrow(-1, 0, length).to(ScalarType.Float32);
            stageBoxes = stageBoxes.to(ScalarType.Float32);
            var pairs = batch.Select((target, i) => Assign(stageLogits[i], stageBoxes[i], valid[i], target)).ToArray();
            matches[stage] = pairs;
            var count = Math.Max(pairs.Sum(p => p.Count), 1) + CountEps;
            terms[prefix + "loss_cls"] = ClassLoss(stageLogits, valid, pairs, batch) * (_options.ClassWeight / count);
            var (box, iou) = BoxLosses(stageBoxes, pairs, batch);
            terms[prefix + "loss_bbox"] = box * (_options.BoxWeight / count);
            terms[prefix + "loss_iou"] = iou * (_options.IouWeight / count);
        }
    }

    IReadOnlyList<Match> Assign(Tensor logits, Tensor boxes, Tensor valid, TargetTensors target)
    {
        if (target.Boxes.shape[0] == 0) return [];
        using var scope = NewDisposeScope();
        var columns = valid.nonzero().squeeze(-1); // [T']
        return MatchingCosts.Of(
            logits.detach().index_select(1, columns), boxes.detach(), target.Map.index_select(1, columns), target.Boxes, target.Scale, _options).Assign();
    }

    // Focal loss (arXiv 1708.02002) of all queries and tokens, summed.
    Tensor ClassLoss(Tensor logits, Tensor valid, IReadOnlyList<Match>[] pairs, TargetTensors[] batch)
    {
        var wanted = zeros_like(logits); // [B, Q, T]
        for (var i = 0; i < pairs.Length; i++)
            if (pairs[i].Count > 0)
                wanted[i].index_copy_(0, Queries(pairs[i], logits.device), batch[i].Map.index_select(0, Targets(pairs[i], logits.device)));
        var mask = valid.unsqueeze(1); // [B, 1, T]
        // Padding has no finite score; with 0 in its place it has no gradient either.
        logits = logits.masked_fill(mask.logical_not(), 0);
        var p = logits.sigmoid();
        var miss = ((1 - p) * wanted) + (p * (1 - wanted));
        var weight = ((_options.FocalAlpha * wanted) + ((1 - _options.FocalAlpha) * (1 - wanted))) * miss.pow(_options.FocalGamma);
        var loss = nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction: nn.Reduction.None) * weight;
        return (loss * mask).sum();
    }

    // Distance and lack of overlap of the matched boxes, summed.
    static (Tensor Box, Tensor Iou) BoxLosses(Tensor boxes, IReadOnlyList<Match>[] pairs, TargetTensors[] batch)
    {
        var device = boxes.device;
        var found = cat([.. pairs.Select((p, i) => boxes[i].index_select(0, Queries(p, device)))]); // [M, 4]
        var wanted = cat([.. pairs.Select((p, i) => batch[i].Boxes.index_select(0, Targets(p, device)))]);
        var scale = cat([.. pairs.Select((p, i) => batch[i].Scale.unsqueeze(0).expand(p.Count, 4))]);
        var overlap = BoxGeometry.GeneralizedIou(BoxGeometry.ToCorners(found) * scale, BoxGeometry.ToCorners(wanted) * scale); // [M]
        return ((found - wanted).abs().sum(), (1 - overlap).sum());
    }

    static Tensor Queries(IReadOnlyList<Match> pairs, Device device) => tensor(pairs.Select(p => (long)p.Query).ToArray(), device: device);

    static Tensor Targets(IReadOnlyList<Match> pairs, Device device) => tensor(pairs.Select(p => (long)p.Target).ToArray(), device: device);

    static void Check(Tensor logits, Tensor boxes, Tensor? proposalLogits, Tensor? proposalBoxes, Tensor tokens, IReadOnlyList<DetectionTarget> targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        ShapeCheck.Require(nameof(logits), logits, ShapeCheck.Any, ShapeCheck.Any, ShapeCheck.Any, ShapeCheck.Any);
        var (batch, queries, width) = (logits.shape[1], logits.shape[2], logits.shape[3]);
        ShapeCheck.Require(nameof(boxes), boxes, logits.shape[0], batch, queries, 4);
        ShapeCheck.Require(nameof(tokens), tokens, batch, ShapeCheck.Any);
        if (tokens.shape[1] > width) throw new ArgumentException($"the text has {tokens.shape[1]} tokens, the logits have {width} columns", nameof(tokens));
        if ((proposalLogits is null) != (proposalBoxes is null)) throw new ArgumentException("proposals need both logits and boxes", nameof(proposalBoxes));
        if (proposalLogits is not null) ShapeCheck.Require(nameof(proposalLogits), proposalLogits, batch, ShapeCheck.Any, width);
        if (proposalBoxes is not null) ShapeCheck.Require(nameof(proposalBoxes), proposalBoxes, batch, proposalLogits!.shape[1], 4);
        if (targets.Count != batch) throw new ArgumentException($"{targets.Count} targets given for {batch} images", nameof(targets));
        foreach (var target in targets) target.Check(tokens.shape[1]);
    }

    // A target as the loss needs it: boxes [G, 4], map [G, T] of 0 and 1, scale [4], all float32.
    sealed record TargetTensors(Tensor Boxes, Tensor Map, Tensor Scale)
    {
        public static TargetTensors Of(DetectionTarget target, Device device) => new(
            target.Boxes.to(ScalarType.Float32, device),
            target.PositiveMap.ne(0).to(ScalarType.Float32, device),
            tensor(new float[] { target.ImageSize.Width, target.ImageSize.Height, target.ImageSize.Width, target.ImageSize.Height }, device: device));
    }
}
