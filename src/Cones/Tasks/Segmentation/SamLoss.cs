using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>What the parts of SAM's loss count (Kirillov et al. 2023, appendix A: focal and dice 20 : 1, IoU head 1).</summary>
public sealed record SamLossOptions
{
    /// <summary>The weight of the focal loss.</summary>
    public double Focal { get; init; } = 20;

    /// <summary>The weight of the dice loss.</summary>
    public double Dice { get; init; } = 1;

    /// <summary>The weight of the binary cross-entropy, which SAM does not have: it helps where objects are small or the model is.</summary>
    public double CrossEntropy { get; init; }

    /// <summary>The weight of the IoU head's mean squared error.</summary>
    public double Iou { get; init; }
}

/// <summary>SAM's loss: focal and dice loss of the masks, mean squared error of the predicted IoU.</summary>
public static class SamLoss
{
    /// <summary>The loss of a batch, a scalar: the mean over images and prompts.</summary>
    /// <param name="masks">Mask logits, [B, P, M, H, W]; of several masks a prompt the one with the least mask loss counts.</param>
    /// <param name="iouScores">Predicted IoU, [B, P, M].</param>
    /// <param name="targets">Masks of 0 and 1, [B, P, H, W].</param>
    /// <param name="options">The weights; null for SAM's without the IoU head.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static Tensor Compute(Tensor masks, Tensor iouScores, Tensor targets, SamLossOptions? options = null)
    {
        options ??= new SamLossOptions();
        Check(masks, iouScores, targets);
        using var scope = NewDisposeScope();
        masks = masks.to(ScalarType.Float32);
        var expected = targets.unsqueeze(2).expand_as(masks); // [B, P, H, W] -> [B, P, M, H, W]
        var loss = MaskLoss(masks, expected, options); // [B, P, M]
        var best = loss.argmin(2, keepdim: true); // [B, P, 1]
        loss = loss.gather(2, best);
        if (options.Iou != 0) loss = loss + (options.Iou * IouHead(masks, iouScores, expected).gather(2, best));
        return loss.mean().MoveToOuterDisposeScope();
    }

    /// <summary>The squared error of the predicted IoU of each mask, [...]; gradients reach the prediction only.</summary>
    /// <param name="masks">Mask logits, [..., H, W].</param>
    /// <param name="iouScores">Predicted IoU, [...].</param>
    /// <param name="targets">Masks of 0 and 1, [..., H, W].</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static Tensor IouHead(Tensor masks, Tensor iouScores, Tensor targets)
    {
        using var scope = NewDisposeScope();
        var actual = MaskLosses.IntersectionOverUnion(masks, targets);
        if (!actual.shape.AsSpan().SequenceEqual(iouScores.shape))
            throw new ArgumentException($"predicted IoU must be [{string.Join(",", actual.shape)}], not [{string.Join(",", iouScores.shape)}]", nameof(iouScores));
        return (iouScores - actual).square().MoveToOuterDisposeScope();
    }

    static Tensor MaskLoss(Tensor masks, Tensor expected, SamLossOptions options)
    {
        var loss = (options.Focal * MaskLosses.Focal(masks, expected)) + (options.Dice * MaskLosses.Dice(masks, expected));
        return options.CrossEntropy == 0 ? loss : loss + (options.CrossEntropy * MaskLosses.CrossEntropy(masks, expected));
    }

    static void Check(Tensor masks, Tensor iouScores, Tensor targets)
    {
        var (m, t) = (masks.shape, targets.shape);
        if (m.Length != 5 || t.Length != 4 || t[0] != m[0] || t[1] != m[1] || t[2] != m[3] || t[3] != m[4] || !iouScores.shape.AsSpan().SequenceEqual(m.AsSpan(0, 3)))
            throw new ArgumentException(
                $"masks [{string.Join(",", m)}] must be [B,P,M,H,W], targets [{string.Join(",", t)}] then [B,P,H,W] and predicted IoU [{string.Join(",", iouScores.shape)}] [B,P,M]");
    }
}
