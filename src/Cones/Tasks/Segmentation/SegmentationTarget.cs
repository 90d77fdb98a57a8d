using Cones.Data;
using Cones.Data.Masks;

namespace Cones.Tasks.Segmentation;

/// <summary>An object that a segmenter is to find, or all objects of a class together where no box tells them apart.</summary>
/// <param name="Class">The class's place in the prompt, from 0.</param>
/// <param name="Box">Its box in pixels of the image, as COCO has it.</param>
/// <param name="Mask">Its mask on the model's grid.</param>
public sealed record SegmentationTarget(int Class, BoundingBox Box, MaskPatch Mask)
{
    /// <summary>The box that asks for it, or null where its class's tokens do.</summary>
    public BoundingBox? Prompt { get; init; }
}

/// <summary>An object's class and its mask in the picture's pixels.</summary>
/// <param name="Class">The class's place in the prompt, from 0.</param>
/// <param name="Mask">The mask, not empty.</param>
public readonly record struct MaskedObject(int Class, RleMask Mask);

/// <summary>A mask that a segmenter made.</summary>
/// <param name="Prompt">The row of the conditioning that asked for it.</param>
/// <param name="Score">The confidence, 0 to 1.</param>
/// <param name="Mask">The mask, of the image's size, not empty.</param>
public readonly record struct SegmentedObject(int Prompt, double Score, RleMask Mask);
