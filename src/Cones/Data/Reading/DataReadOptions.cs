namespace Cones.Data;

/// <summary>What happens to broken records.</summary>
public enum DataChecks
{
    /// <summary>They are left out and named in the report.</summary>
    Skip,

    /// <summary>The data set is refused, with all of them in the exception.</summary>
    Strict,

    /// <summary>
    /// Only what cannot be read is left out; boxes, classes and image files are not judged. For evaluation: pycocotools judges
    /// nothing either.
    /// </summary>
    AsWritten,
}

/// <summary>How a data set is read.</summary>
public sealed record DataReadOptions
{
    /// <summary>What happens to broken records.</summary>
    public DataChecks Checks { get; init; }

    /// <summary>The folder of the images; null takes the one that the format implies.</summary>
    public string? ImageFolder { get; init; }

    /// <summary>
    /// Whether every image file is looked up and its header compared with the data set. Ignored where the format needs the
    /// files for their size anyway (YOLO, label images).
    /// </summary>
    public bool CheckImages { get; init; } = true;
}
