namespace Cones.Evaluation.Coco;

/// <summary>What overlaps are measured between.</summary>
public enum CocoIouType
{
    /// <summary>Boxes.</summary>
    Bbox,

    /// <summary>Masks.</summary>
    Segm,
}

/// <summary>A range of object areas; both ends belong to it.</summary>
/// <param name="Label">Its name; <c>all</c>, <c>small</c>, <c>medium</c> and <c>large</c> are the ones that summaries ask for.</param>
/// <param name="Min">The smallest area in square pixels.</param>
/// <param name="Max">The largest area in square pixels.</param>
public sealed record CocoAreaRange(string Label, double Min, double Max)
{
    const double Small = 32 * 32;
    const double Large = 96 * 96;
    const double Unlimited = 1e5 * 1e5;

    /// <summary>COCO's ranges: all, up to 32², 32² to 96², from 96².</summary>
    public static IReadOnlyList<CocoAreaRange> Defaults { get; } =
        [new("all", 0, Unlimited), new("small", 0, Small), new("medium", Small, Large), new("large", Large, Unlimited)];

    /// <summary>Whether an area is outside.</summary>
    internal bool Excludes(double area) => area < Min || area > Max;
}

/// <summary>The parameters of COCO's evaluation, by default those of its detection challenge.</summary>
/// <remarks>Reference: pycocotools <c>cocoeval.Params</c>.</remarks>
public sealed record CocoEvalOptions
{
    /// <summary>The images that take part; null takes all.</summary>
    public IReadOnlyList<long>? ImageIds { get; init; }

    /// <summary>The classes that take part; null takes all.</summary>
    public IReadOnlyList<long>? CategoryIds { get; init; }

    /// <summary>Whether classes are told apart; else all count as one.</summary>
    public bool UseCategories { get; init; } = true;

    /// <summary>The numbers of best detections of a class in an image that count; the largest also bounds the matching.</summary>
    public IReadOnlyList<int> MaxDetections { get; init; } = [1, 10, 100];

    /// <summary>The overlaps from which a detection is right; by default 0.5, 0.55, ..., 0.95.</summary>
    public IReadOnlyList<double> IouThresholds { get; init; } = Linspace(0.5, 0.95, 10);

    /// <summary>The recalls at which precision is read off; by default 0, 0.01, ..., 1.</summary>
    public IReadOnlyList<double> RecallThresholds { get; init; } = Linspace(0, 1, 101);

    /// <summary>The area ranges.</summary>
    public IReadOnlyList<CocoAreaRange> AreaRanges { get; init; } = CocoAreaRange.Defaults;

    /// <summary>Numbers at equal distances, rounded as <c>numpy.linspace</c> rounds them: overlaps on a threshold depend on it.</summary>
    /// <param name="start">The first.</param>
    /// <param name="stop">The last.</param>
    /// <param name="count">How many, at least 2.</param>
    public static double[] Linspace(double start, double stop, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        var step = (stop - start) / (count - 1);
        var values = new double[count];
        for (var i = 0; i < count; i++) values[i] = (i * step) + start;
        values[^1] = stop;
        return values;
    }

    internal void Validate()
    {
        if (MaxDetections.Count == 0 || MaxDetections.Any(m => m < 1)) throw new ArgumentException("MaxDetections needs numbers of at least 1");
        if (IouThresholds.Count == 0 || IouThresholds.Any(t => !(t is >= 0 and <= 1))) throw new ArgumentException("IouThresholds needs numbers in 0..1");
        if (RecallThresholds.Count == 0 || RecallThresholds.Any(double.IsNaN)) throw new ArgumentException("RecallThresholds needs numbers");
        if (AreaRanges.Count == 0) throw new ArgumentException("AreaRanges needs at least one range");
    }
}
