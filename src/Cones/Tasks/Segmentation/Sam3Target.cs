using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>The objects of one image that fit the prompt; none where it shows nothing that fits.</summary>
/// <param name="Boxes">Left, top, right, bottom as parts of the image, [n, 4].</param>
/// <param name="Masks">Masks of 0 and 1, [n, H, W]; null where there are boxes only.</param>
public sealed record Sam3Target(Tensor Boxes, Tensor? Masks = null)
{
    /// <summary>The number n of objects.</summary>
    public long Count => Boxes.shape[0];

    /// <summary>Checks the shapes.</summary>
    /// <exception cref="ArgumentException">They do not fit; the message holds the numbers.</exception>
    internal void Validate()
    {
        if (Boxes.dim() != 2 || Boxes.shape[1] != 4) throw new ArgumentException($"an image's boxes must be [n,4], not [{string.Join(",", Boxes.shape)}]");
        if (Masks is not null && (Masks.dim() != 3 || Masks.shape[0] != Count))
            throw new ArgumentException($"an image's masks must be [{Count},H,W] as its boxes, not [{string.Join(",", Masks.shape)}]");
    }
}

/// <summary>What one decoder layer, or a branch that is matched one to many, predicts for B images.</summary>
/// <param name="Logits">[B, Q].</param>
/// <param name="Boxes">Left, top, right, bottom as parts of the image, [B, Q, 4].</param>
/// <param name="Presence">Whether the image shows anything that fits, [B, 1]; null where there is no such token.</param>
/// <param name="Masks">Mask logits, [B, Q, h, w]; null where masks do not count.</param>
public sealed record Sam3Predictions(Tensor Logits, Tensor Boxes, Tensor? Presence = null, Tensor? Masks = null);

/// <summary>SAM 3's loss and its parts, scalars, the parts without their weights and of the last layer.</summary>
/// <param name="Total">The weighted sum over parts, layers and branches.</param>
/// <param name="Class">The IoU-aware binary cross-entropy.</param>
/// <param name="Presence">The presence loss.</param>
/// <param name="Box">The L1 distance of matched boxes.</param>
/// <param name="Giou">1 - generalised IoU of matched boxes.</param>
/// <param name="MaskFocal">The focal loss of matched masks.</param>
/// <param name="MaskDice">The dice loss of matched masks.</param>
public sealed record Sam3LossTerms(Tensor Total, Tensor Class, Tensor Presence, Tensor Box, Tensor Giou, Tensor MaskFocal, Tensor MaskDice);
