using Cones.Data.Masks;

namespace Cones.Data.Coco;

/// <summary>One detection in COCO's result format.</summary>
public sealed record CocoResult
{
    /// <summary>The image.</summary>
    public required long ImageId { get; init; }

    /// <summary>The class.</summary>
    public required long CategoryId { get; init; }

    /// <summary>The confidence; higher is surer, by custom in 0..1.</summary>
    public required double Score { get; init; }

    /// <summary>The box, or null where only a mask was found.</summary>
    public BoundingBox? Box { get; init; }

    /// <summary>The mask, or null.</summary>
    public Segmentation? Segmentation { get; init; }
}
