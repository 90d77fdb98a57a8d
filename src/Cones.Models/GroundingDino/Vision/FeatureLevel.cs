namespace Cones.Models.GroundingDino.Vision;

/// <summary>The size of one level's feature map.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct FeatureLevel(long Height, long Width)
{
    /// <summary>The number of positions.</summary>
    public long Count => Height * Width;
}
