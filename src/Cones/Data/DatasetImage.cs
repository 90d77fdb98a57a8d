using Cones.Models;
using Cones.Models.Imaging;

namespace Cones.Data;

/// <summary>One image of a data set with what it shows.</summary>
public sealed record DatasetImage
{
    /// <summary>Its number, unique in the data set.</summary>
    public required long Id { get; init; }

    /// <summary>The file's name as the data set writes it, relative to its image folder.</summary>
    public required string FileName { get; init; }

    /// <summary>The file, or null where the image folder is not known.</summary>
    public string? Path { get; init; }

    /// <summary>Columns.</summary>
    public required int Width { get; init; }

    /// <summary>Rows.</summary>
    public required int Height { get; init; }

    /// <summary>The objects, in the order of the data set.</summary>
    public IReadOnlyList<DatasetAnnotation> Annotations { get; init; } = [];

    /// <summary>Height and width.</summary>
    public ImageSize Size => new(Height, Width);

    /// <summary>Reads the pixels.</summary>
    /// <exception cref="ConesException">The image folder is not known, or the file cannot be read or has another size than the data set says.</exception>
    public RgbImage Load()
    {
        if (Path is null) throw new ConesException($"the folder of image {Id} ({FileName}) is not known: name it when the data set is read");
        var image = RgbImage.Load(Path);
        if (image.Size != Size)
            throw new ConesException($"{Path} has {image.Width}x{image.Height} pixels, its annotations are for {Width}x{Height}: use the file that was annotated");
        return image;
    }
}
