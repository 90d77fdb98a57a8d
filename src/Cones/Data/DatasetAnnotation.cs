using Cones.Data.Masks;

namespace Cones.Data;

/// <summary>One object in an image.</summary>
public sealed record DatasetAnnotation
{
    /// <summary>Its number, unique in the data set.</summary>
    public required long Id { get; init; }

    /// <summary>The class, see <see cref="DetectionDataset.Categories"/>.</summary>
    public required long CategoryId { get; init; }

    /// <summary>The box in pixels of the image.</summary>
    public required BoundingBox Box { get; init; }

    /// <summary>
    /// The area in square pixels by which COCO's evaluation calls an object small, medium or large: that of the mask where
    /// there was one when the data set was made, else that of the box.
    /// </summary>
    public required double Area { get; init; }

    /// <summary>Whether it marks a crowd: a region of objects that were not told apart. Not trained on, and no detection in it is wrong.</summary>
    public bool IsCrowd { get; init; }

    /// <summary>The outline, or null.</summary>
    public Segmentation? Segmentation { get; init; }
}
