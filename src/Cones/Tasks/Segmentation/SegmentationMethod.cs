using Cones.Prompts.Detection;

namespace Cones.Tasks.Segmentation;

/// <summary>The ways of telling a segmenter what to find.</summary>
public enum SegmentationMethod
{
    /// <summary>Tokens of each class: behind those of the box (SAM), in place of its encoded name (SAM 3).</summary>
    Concept,

    /// <summary>A vector added to every token of each encoded name (SAM 3).</summary>
    Offset,

    /// <summary>Learned words at the text encoder's input in place of each name (SAM 3).</summary>
    PseudoWord,

    /// <summary>Names (SAM 3) or boxes alone (SAM); nothing is searched.</summary>
    Text,

    /// <summary>The model's weights behind the image encoder, or all of them.</summary>
    Full,
}

/// <summary>What a class's tokens start from.</summary>
public enum TokenInit
{
    /// <summary>The encoded name (SAM 3), or the token that stands for no point (SAM): nearly nothing changes at first.</summary>
    Neutral,

    /// <summary>Random directions of the same norm.</summary>
    Random,
}

/// <summary>What masks are compared by during a search.</summary>
public enum MaskLossKind
{
    /// <summary>As published: SAM's focal loss 20 : dice 1, or SAM 3's own loss.</summary>
    Focal,

    /// <summary>
    /// Binary cross-entropy 2 : dice 1 (SAM). The focal loss weighs the pixels of objects less than all others: where objects cover few cells of
    /// the model's grid, it makes masks smaller than they are.
    /// </summary>
    CrossEntropy,
}

/// <summary>What a prompt is made of.</summary>
/// <param name="Method">The method.</param>
/// <param name="Classes">The classes and their words.</param>
/// <param name="Slots">Tokens of each class; 0 for the family's default.</param>
/// <param name="Init">What they start from.</param>
/// <param name="Seed">The seed of random numbers.</param>
public sealed record SegmentationPromptOptions(SegmentationMethod Method, IReadOnlyList<ClassPrompt> Classes, int Slots, TokenInit Init, long Seed);
