using Cones.Models.Sam3;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>
/// SAM 3's published loss (facebookresearch/sam3: <c>Sam3LossWrapper</c> with <c>Boxes</c>, <c>IABCEMdetr</c> and <c>Masks</c>). Sums over
/// matched queries are divided by the number of objects in the batch.
/// </summary>
public static class Sam3Loss
{
    // A matched query's target is at least this.
    const double LeastTarget = 0.01;

    /// <summary>The loss of the model's output.</summary>
    /// <param name="output">The output for B images and prompts.</param>
    /// <param name="targets">The objects of each image that fit its prompt.</param>
    /// <param name="options">The numbers; null for the published ones.</param>
    /// <param name="oneToMany">Predictions of a branch that is matched one to many, as in SAM 3's own training; null without one.</param>
    /// <exception cref="ArgumentException">The number of targets or a shape does not fit.</exception>
    public static Sam3LossTerms Compute(Sam3Output output, IReadOnlyList<Sam3Target> targets, Sam3LossOptions? options = null, Sam3Predictions? oneToMany = null)
    {
        options ??= new Sam3LossOptions();
        using var scope = NewDisposeScope();
        var last = Compute(new Sam3Predictions(output.PredLogits, output.PredBoxes, output.PresenceLogits, output.PredMasks), targets, options);
        var total = last.Total;
        for (var i = 0; options.EarlierLayers && i < output.Layers.Logits.shape[0] - 1; i++)
            total = total + Compute(new Sam3Predictions(output.Layers.Logits[i], output.Layers.Boxes[i], output.Layers.Presence[i]), targets, options).Total;
        if (oneToMany is not null)
            total = total + (options.OneToMany * Compute(oneToMany, targets, options, Sam3Matcher.OneToMany(oneToMany.Logits, oneToMany.Boxes, targets, options)).Total);

        var terms = last with { Total = total };
        scope.MoveToOuter(terms.Total, terms.Class, terms.Presence, terms.Box, terms.Giou, terms.MaskFocal, terms.MaskDice);
        return terms;
    }

    /// <summary>The loss of one layer's or branch's predictions.</summary>
    /// <param name="predictions">For B images.</param>
    /// <param name="targets">The objects of each.</param>
    /// <param name="options">The numbers.</param>
    /// <param name="matches">Which queries are to find which objects; null to match them one to one.</param>
    /// <exception cref="ArgumentException">The number of targets or a shape does not fit.</exception>
    public static Sam3LossTerms Compute(
        Sam3Predictions predictions, IReadOnlyList<Sam3Target> targets, Sam3LossOptions options, IReadOnlyList<Sam3Match>? matches = null)
    {
        Check(predictions, targets);
        using var scope = NewDisposeScope();
        predictions = predictions with
        {
            Logits = predictions.Logits.to(ScalarType.Float32),
            Boxes = predictions.Boxes.to(ScalarType.Float32),
            Presence = predictions.Presence?.to(ScalarType.Float32),
        };
        matches ??= Sam3Matcher.OneToOne(predictions.Logits, predictions.Boxes, targets, options);
        var count = Math.Max(1, targets.Sum(t => t.Count));
        var device = predictions.Logits.device;
        var matched = Gather(predictions.Boxes, matches); // [M, 4]
        var objects = matches.Count == 0 ? matched : stack(matches.Select(m => targets[m.Image].Boxes[m.Target])).to(matched.dtype, device); // [M, 4]
        var shown = tensor(targets.Select(t => t.Count > 0 ? 1f : 0).ToArray(), device: device).unsqueeze(1); // [B, 1]
        var (focal, dice) = Masks(predictions, targets, matches, count);
        var terms = new Sam3LossTerms(
            focal,
            Class(predictions.Logits, matches, matched, objects, shown, options),
            predictions.Presence is null ? Zero(predictions.Logits) : MaskLosses.FocalTerms(predictions.Presence, shown, options.PresenceAlpha, 0).mean(),
            (ToCenters(matched) - ToCenters(objects)).abs().sum() / count,
            (1 - BoxOverlap.Generalized(matched, objects)).sum() / count,
            focal,
            dice);
        var total = (options.Class * terms.Class) + (options.Presence * terms.Presence) + (options.Box * terms.Box) + (options.Giou * terms.Giou)
            + (options.MaskFocal * focal) + (options.MaskDice * dice);
        terms = terms with { Total = total };
        scope.MoveToOuter(terms.Total, terms.Class, terms.Presence, terms.Box, terms.Giou, terms.MaskFocal, terms.MaskDice);
        return terms;
    }

    /// <summary>Left, top, right, bottom to centre, width and height, [..., 4].</summary>
    internal static Tensor ToCenters(Tensor boxes)
    {
        using var scope = NewDisposeScope();
        var (low, high) = (boxes.narrow(-1, 0, 2), boxes.narrow(-1, 2, 2));
        return cat([(low + high) / 2, high - low], dim: -1).MoveToOuterDisposeScope();
    }

    // Matched queries are to say how good they are, the others 0; images that show nothing leave that to the presence token.
    static Tensor Class(Tensor logits, IReadOnlyList<Sam3Match> matches, Tensor matched, Tensor objects, Tensor shown, Sam3LossOptions options)
    {
        var positive = zeros_like(logits);
        var target = zeros_like(logits);
        using (no_grad())
            if (matches.Count > 0)
            {
                var p = Gather(logits, matches).sigmoid(); // [M]
                var quality = p.pow(options.TargetAlpha) * BoxOverlap.IntersectionOverUnion(matched, objects).pow(1 - options.TargetAlpha);
                var places = Places(matches, logits);
                positive.view(-1).index_fill_(0, places, 1);
                target.view(-1).index_copy_(0, places, quality.clamp_min(LeastTarget).to(target.dtype));
            }

        var found = MaskLosses.PixelCrossEntropy(logits, target) * positive * options.PositiveWeight;
        var missed = MaskLosses.PixelCrossEntropy(logits, zeros_like(logits)) * (1 - positive) * logits.sigmoid().pow(options.NegativeGamma);
        return ((found + missed) * shown).sum() / (logits.shape[0] * Math.Max(logits.shape[1], options.Queries));
    }

    static (Tensor Focal, Tensor Dice) Masks(Sam3Predictions predictions, IReadOnlyList<Sam3Target> targets, IReadOnlyList<Sam3Match> matches, long count)
    {
        var (focal, dice) = (Zero(predictions.Logits), Zero(predictions.Logits));
        if (predictions.Masks is null) return (focal, dice);
        foreach (var group in matches.Where(m => targets[m.Image].Masks is not null).GroupBy(m => m.Image))
        {
            var masks = targets[group.Key].Masks!;
            var (height, width) = (masks.shape[1], masks.shape[2]);
            var logits = predictions.Masks[group.Key].index_select(0, Indices(group.Select(m => m.Query), predictions.Masks)).to(ScalarType.Float32); // [m, h, w]
            logits = nn.functional.interpolate(logits.unsqueeze(0), size: [height, width], mode: InterpolationMode.Bilinear, align_corners: false).squeeze(0);
            var expected = masks.index_select(0, Indices(group.Select(m => m.Target), masks)).to(logits.dtype, logits.device); // [m, H, W]
            focal = focal + (MaskLosses.Focal(logits, expected).sum() / count);
            dice = dice + (MaskLosses.Dice(logits, expected).sum() / count);
        }

        return (focal, dice);
    }

    // The elements of [B, Q, ...] at the matched queries, [M, ...].
    static Tensor Gather(Tensor values, IReadOnlyList<Sam3Match> matches) => values.flatten(0, 1).index_select(0, Places(matches, values));

    static Tensor Zero(Tensor like) => zeros(Array.Empty<long>(), dtype: ScalarType.Float32, device: like.device);

    static Tensor Places(IReadOnlyList<Sam3Match> matches, Tensor values) => Indices(matches.Select(m => (m.Image * (int)values.shape[1]) + m.Query), values);

    static Tensor Indices(IEnumerable<int> indices, Tensor like) => tensor(indices.Select(i => (long)i).ToArray(), device: like.device);

    static void Check(Sam3Predictions predictions, IReadOnlyList<Sam3Target> targets)
    {
        var (l, b) = (predictions.Logits.shape, predictions.Boxes.shape);
        if (l.Length != 2 || b.Length != 3 || b[0] != l[0] || b[1] != l[1] || b[2] != 4)
            throw new ArgumentException($"logits [{string.Join(",", l)}] must be [B,Q], boxes [{string.Join(",", b)}] then [B,Q,4]", nameof(predictions));
        if (predictions.Presence is { } p && !p.shape.AsSpan().SequenceEqual([l[0], 1]))
            throw new ArgumentException($"presence logits must be [{l[0]},1], not [{string.Join(",", p.shape)}]", nameof(predictions));
        if (predictions.Masks is { } m && (m.dim() != 4 || m.shape[0] != l[0] || m.shape[1] != l[1]))
            throw new ArgumentException($"mask logits must be [{l[0]},{l[1]},h,w], not [{string.Join(",", m.shape)}]", nameof(predictions));
        if (targets.Count != l[0]) throw new ArgumentException($"{targets.Count} targets are given for {l[0]} images", nameof(targets));
        foreach (var target in targets) target.Validate();
    }
}
