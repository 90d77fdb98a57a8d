namespace Cones.Data;

/// <summary>What is wrong with a record of a data set.</summary>
public enum DataProblemKind
{
    /// <summary>A file or line that is not of its format.</summary>
    Malformed,

    /// <summary>A value is absent or of the wrong type.</summary>
    MissingValue,

    /// <summary>A number is NaN, infinite or out of its range.</summary>
    InvalidNumber,

    /// <summary>An id that another record has already.</summary>
    DuplicateId,

    /// <summary>An annotation of an image that the data set does not list.</summary>
    UnknownImage,

    /// <summary>An annotation of a class that the data set does not list.</summary>
    UnknownCategory,

    /// <summary>An image or label file that is not there.</summary>
    MissingFile,

    /// <summary>An image file that cannot be decoded.</summary>
    UnreadableImage,

    /// <summary>An image of another size than its annotations are for.</summary>
    WrongImageSize,

    /// <summary>A box or mask that covers nothing.</summary>
    Empty,

    /// <summary>A box that lies outside the image.</summary>
    OutsideImage,

    /// <summary>A box that reaches beyond the image; it is cut, not skipped.</summary>
    BeyondImage,

    /// <summary>Polygons or run lengths that make no mask.</summary>
    InvalidSegmentation,
}
