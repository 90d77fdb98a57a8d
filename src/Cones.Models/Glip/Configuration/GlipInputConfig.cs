namespace Cones.Models.Glip.Configuration;

/// <summary>The images that the model takes (<c>INPUT</c>, <c>DATALOADER</c>).</summary>
public sealed record GlipInputConfig
{
    /// <summary>Whether channels come in the order blue, green, red.</summary>
    public bool Bgr { get; init; } = true;

    /// <summary>Whether values run to 255 before they are normalised, not to 1.</summary>
    public bool To255 { get; init; } = true;

    /// <summary>What is subtracted from each channel, in the model's order of channels.</summary>
    public IReadOnlyList<double> Mean { get; init; } = [103.53, 116.28, 123.675];

    /// <summary>What each channel is divided by.</summary>
    public IReadOnlyList<double> Std { get; init; } = [57.375, 57.12, 58.395];

    /// <summary>The length in pixels that the short side is resized to.</summary>
    public int MinSize { get; init; } = 800;

    /// <summary>The length that the long side has at most.</summary>
    public int MaxSize { get; init; } = 1333;

    /// <summary>Height and width are padded to multiples of this; 0 or 1 for no padding.</summary>
    public int SizeDivisibility { get; init; } = 32;

    /// <summary>Reads GLIP's <c>FORMAT</c>, e.g. <c>bgr255</c> or <c>rgb</c>.</summary>
    internal GlipInputConfig WithFormat(string format) => this with
    {
        Bgr = format.Contains("bgr", StringComparison.OrdinalIgnoreCase),
        To255 = format.Contains("255", StringComparison.Ordinal),
    };

    internal void Validate()
    {
        GlipConfig.Positive(("min_size", MinSize), ("max_size", MaxSize));
        if (SizeDivisibility < 0) throw new ArgumentException($"size_divisibility is {SizeDivisibility}, but must be at least 0");
        if (Mean.Count != 3 || Std.Count != 3 || Std.Any(s => s == 0))
            throw new ArgumentException($"mean [{string.Join(",", Mean)}] and std [{string.Join(",", Std)}]: three numbers each, no std of 0, are needed");
    }
}
