using Cones.Data;

namespace Cones.Tasks.Segmentation;

/// <summary>A box that asks for a mask.</summary>
/// <param name="Name">The class.</param>
/// <param name="Score">How sure the box is, 0 to 1.</param>
/// <param name="Box">The box in pixels of the image, as COCO has it.</param>
public readonly record struct PromptBox(string Name, double Score, BoundingBox Box);

/// <summary>Where the boxes come from that ask for masks.</summary>
public enum BoxSource
{
    /// <summary>The annotations: during a search with some noise, since no detector draws as exactly.</summary>
    Annotations,

    /// <summary>A detector, or a list of results: boxes as they will be when the concept is used.</summary>
    Found,

    /// <summary>None: the class's tokens alone ask for all its objects, those that touch as one.</summary>
    None,
}
