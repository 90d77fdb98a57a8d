using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam;

/// <summary>Where an image is to be segmented: P prompts for each of B images, in pixels of the resized and padded image.</summary>
/// <remarks>Several images have the same number of prompts; points may be filled up with <see cref="Padding"/>.</remarks>
public sealed record SamPrompts
{
    /// <summary>The label of a point on the object.</summary>
    public const int Foreground = 1;

    /// <summary>The label of a point beside the object.</summary>
    public const int Background = 0;

    /// <summary>The label of a point that is none: SAM's own filler, which has an embedding.</summary>
    public const int NoPoint = -1;

    /// <summary>The label of a filler whose embedding is zero.</summary>
    public const int Padding = -10;

    /// <summary>Points (x, y), [B, P, N, 2], or null.</summary>
    public Tensor? Points { get; init; }

    /// <summary>The points' labels, [B, P, N]; null if all points are on the object.</summary>
    public Tensor? Labels { get; init; }

    /// <summary>Boxes (left, top, right, bottom), [B, P, 4], or null.</summary>
    public Tensor? Boxes { get; init; }

    /// <summary>Mask logits, [B, 1, 4 h, 4 w] for an image embedding of h x w, or null. All prompts of an image share them.</summary>
    public Tensor? Masks { get; init; }

    /// <summary>Checks the shapes before native code sees them.</summary>
    /// <exception cref="ArgumentException">A shape or label does not fit; the message holds the numbers.</exception>
    internal void Validate(SamPromptEncoderConfig config)
    {
        if (Points is null && Labels is not null) throw new ArgumentException("labels are given without points");
        if (Points is not null) ShapeCheck.Require(nameof(Points), Points, ShapeCheck.Any, ShapeCheck.Any, ShapeCheck.Any, 2);
        if (Labels is not null)
        {
            ShapeCheck.Require(nameof(Labels), Labels, Points!.shape.AsSpan(0, 3));
            CheckLabels(Labels);
        }

        if (Boxes is not null) ShapeCheck.Require(nameof(Boxes), Boxes, Points?.shape[0] ?? ShapeCheck.Any, Points?.shape[1] ?? ShapeCheck.Any, 4);
        if (Masks is not null)
            ShapeCheck.Require(nameof(Masks), Masks, Points?.shape[0] ?? Boxes?.shape[0] ?? ShapeCheck.Any, 1, config.MaskSize, config.MaskSize);
    }

    static void CheckLabels(Tensor labels)
    {
        using var scope = NewDisposeScope();
        var whole = labels.to(ScalarType.Int64);
        var known = whole.eq(Foreground).logical_or(whole.eq(Background)).logical_or(whole.eq(NoPoint)).logical_or(whole.eq(Padding));
        if (known.all().item<bool>()) return;
        var wrong = whole.masked_select(known.logical_not())[0].item<long>();
        throw new ArgumentException($"a point's label is {wrong}: 1 (on the object), 0 (beside it), -1 (no point) and -10 (filler) have a meaning");
    }
}

/// <summary>Prompts as the mask decoder reads them.</summary>
/// <param name="Sparse">Tokens of points and boxes, [B, P, N, C]; null where there are none.</param>
/// <param name="Dense">What is added to the image embedding, [B, C, h, w].</param>
public sealed record SamPromptEmbeddings(Tensor? Sparse, Tensor Dense);

/// <summary>The masks of P prompts for each of B images.</summary>
/// <param name="PredMasks">Logits, [B, P, M, 4 h, 4 w]: M masks a prompt, above 0 on the object.</param>
/// <param name="IouScores">The predicted intersection over union of each mask with the object, [B, P, M].</param>
public sealed record SamOutput(Tensor PredMasks, Tensor IouScores);
