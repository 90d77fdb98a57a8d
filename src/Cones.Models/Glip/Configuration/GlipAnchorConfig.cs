namespace Cones.Models.Glip.Configuration;

/// <summary>The anchors, one a cell of each level (<c>MODEL.RPN</c>).</summary>
public sealed record GlipAnchorConfig
{
    /// <summary>The side of each level's anchor in pixels.</summary>
    public IReadOnlyList<double> Sizes { get; init; } = [64, 128, 256, 512, 1024];

    /// <summary>The pixels between two cells of each level.</summary>
    public IReadOnlyList<int> Strides { get; init; } = [8, 16, 32, 64, 128];

    /// <summary>Height over width of the anchors.</summary>
    public double AspectRatio { get; init; } = 1;

    internal void Validate()
    {
        if (Sizes.Count != Strides.Count || Sizes.Count != GlipConfig.Levels)
            throw new ArgumentException($"{Sizes.Count} anchor sizes and {Strides.Count} strides, {GlipConfig.Levels} levels need {GlipConfig.Levels} of each");
        if (Sizes.Any(s => !(s >= 1)) || Strides.Any(s => s < 1))
            throw new ArgumentException($"anchor sizes {string.Join(", ", Sizes)} and strides {string.Join(", ", Strides)} must be at least 1");
        if (!(AspectRatio > 0)) throw new ArgumentException($"the aspect ratio is {AspectRatio}, but must be above 0");
    }
}
