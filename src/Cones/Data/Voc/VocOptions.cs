namespace Cones.Data.Voc;

/// <summary>What a Pascal VOC folder leaves open.</summary>
public sealed record VocOptions
{
    /// <summary>The list in <c>ImageSets/Main</c> that names the images, e.g. <c>train</c>; null takes every annotation file.</summary>
    public string? Split { get; init; }

    /// <summary>The names of the classes in order; null takes the names that occur, sorted. Other names are unknown classes.</summary>
    public IReadOnlyList<string>? Categories { get; init; }

    /// <summary>
    /// Whether corners are counted from 1 and xmax, ymax belong to the box, as in the original challenge: the box is then
    /// [xmin - 1, ymin - 1, xmax, ymax]. Else the numbers are taken as they are, as annotation tools write them.
    /// </summary>
    public bool OneBased { get; init; }

    /// <summary>Whether objects marked as difficult are read; the challenge does not count them.</summary>
    public bool IncludeDifficult { get; init; } = true;
}
