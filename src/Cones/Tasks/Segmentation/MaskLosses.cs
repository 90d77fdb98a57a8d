using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>Losses of mask logits against masks, one value a mask. Logits and targets are [..., H, W], the targets 0 to 1.</summary>
public static class MaskLosses
{
    /// <summary>The mean binary cross-entropy over the pixels of each mask, [...].</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets)
    {
        Check(logits, targets);
        using var scope = NewDisposeScope();
        return PixelCrossEntropy(logits, targets.to(logits.dtype)).mean([-2, -1]).MoveToOuterDisposeScope();
    }

    /// <summary>The mean focal loss over the pixels of each mask, [...] (Lin et al. 2017; RetinaNet's sigmoid form).</summary>
    /// <param name="logits">[..., H, W].</param>
    /// <param name="targets">[..., H, W].</param>
    /// <param name="alpha">The weight of the object's pixels; the others have 1 - alpha. Below 0: no weights.</param>
    /// <param name="gamma">How much easy pixels count less.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Focal(Tensor logits, Tensor targets, double alpha = 0.25, double gamma = 2)
    {
        Check(logits, targets);
        using var scope = NewDisposeScope();
        return FocalTerms(logits, targets.to(logits.dtype), alpha, gamma).mean([-2, -1]).MoveToOuterDisposeScope();
    }

    /// <summary>The dice loss of each mask, [...]: 1 - (2 Σ p t + 1) / (Σ p + Σ t + 1) (Milletari et al. 2016, as MaskFormer and SAM smooth it).</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Dice(Tensor logits, Tensor targets)
    {
        Check(logits, targets);
        using var scope = NewDisposeScope();
        var p = logits.sigmoid();
        var t = targets.to(logits.dtype);
        var common = (p * t).sum([-2, -1]);
        return (1 - (((2 * common) + 1) / (p.sum([-2, -1]) + t.sum([-2, -1]) + 1))).MoveToOuterDisposeScope();
    }

    /// <summary>The intersection over union of each predicted mask (logits above 0) with its target (above 0.5), [...], without gradient; 0 for two empty masks.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor IntersectionOverUnion(Tensor logits, Tensor targets)
    {
        Check(logits, targets);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (p, t) = (logits > 0, targets > 0.5);
        var common = p.logical_and(t).sum([-2, -1], type: ScalarType.Float32);
        var union = p.logical_or(t).sum([-2, -1], type: ScalarType.Float32);
        return (common / union.clamp_min(1)).MoveToOuterDisposeScope();
    }

    /// <summary>The focal loss of every element; targets may lie between 0 and 1.</summary>
    internal static Tensor FocalTerms(Tensor logits, Tensor targets, double alpha, double gamma)
    {
        using var scope = NewDisposeScope();
        var p = logits.sigmoid();
        var missed = 1 - ((p * targets) + ((1 - p) * (1 - targets)));
        var loss = PixelCrossEntropy(logits, targets) * missed.pow(gamma);
        if (alpha >= 0) loss = loss * ((alpha * targets) + ((1 - alpha) * (1 - targets)));
        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>The binary cross-entropy of every element.</summary>
    internal static Tensor PixelCrossEntropy(Tensor logits, Tensor targets) =>
        nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction: nn.Reduction.None);

    static void Check(Tensor logits, Tensor targets)
    {
        if (logits.dim() < 2 || !logits.shape.AsSpan().SequenceEqual(targets.shape))
            throw new ArgumentException(
                $"mask logits [{string.Join(",", logits.shape)}] and targets [{string.Join(",", targets.shape)}] must have one shape [...,H,W]", nameof(targets));
    }
}
