using Cones.Data.Masks;

namespace Cones.Data;

/// <summary>
/// Takes the records of any format, judges them and makes the data set. Classes and images come first, then annotations.
/// </summary>
sealed class DatasetBuilder(string source, DataReadOptions options)
{
    // Annotation tools round: a box may reach this far beyond the image without a word.
    const double Tolerance = 1;
    const string SkippedImage = "skipped with its annotations";

    readonly List<DatasetCategory> _categories = [];
    readonly HashSet<long> _categoryIds = [];
    readonly List<DatasetImage> _images = [];
    readonly HashSet<long> _imageIds = [];
    readonly HashSet<long> _annotationIds = [];
    readonly Dictionary<long, (DatasetImage Image, List<DatasetAnnotation> Annotations)> _usable = [];
    readonly HashSet<long> _skippedImages = [];

    internal DataReport Report { get; } = new();

    bool Judges => options.Checks != DataChecks.AsWritten;

    /// <summary>Notes a broken record.</summary>
    /// <param name="kind">What is wrong.</param>
    /// <param name="record">Which record, and what about it.</param>
    /// <param name="action">What is done about it.</param>
    /// <param name="file">The file, where it is not the data set's own.</param>
    internal void Problem(DataProblemKind kind, string record, string action = "skipped", string? file = null) =>
        Report.Add(kind, file ?? source, record, action);

    internal void AddCategory(DatasetCategory category)
    {
        if (_categoryIds.Add(category.Id)) _categories.Add(category);
        else Problem(DataProblemKind.DuplicateId, $"class '{category.Name}' has the id {category.Id} of another class");
    }

    internal void AddImage(DatasetImage image)
    {
        if (!_imageIds.Add(image.Id))
            Problem(DataProblemKind.DuplicateId, $"image {image.FileName} has the id {image.Id} of another image");
        else
            _images.Add(image);
    }

    /// <summary>Notes that an image cannot be used; its annotations are left out without a word each.</summary>
    internal void SkipImage(long id, DataProblemKind kind, string record, string? file = null)
    {
        // An image before it may have the id and be usable.
        if (_imageIds.Add(id)) _skippedImages.Add(id);
        Problem(kind, record, SkippedImage, file);
    }

    /// <summary>Whether an image was found unusable.</summary>
    internal bool IsSkipped(long id) => _skippedImages.Contains(id);

    /// <summary>Ends the list of images: compares them with their files.</summary>
    /// <param name="filesAreKnown">Whether the reader has taken the sizes from the files itself.</param>
    internal void FinishImages(bool filesAreKnown = false)
    {
        var withFile = Judges && options.CheckImages && !filesAreKnown ? _images.Where(i => i.Path is not null).ToArray() : [];
        var probes = ImageProbe.Read([.. withFile.Select(i => i.Path!)]);
        var files = withFile.Zip(probes).ToDictionary(p => p.First.Id, p => p.Second);
        foreach (var image in _images)
        {
            var fault = Judges ? Fault(image, files.TryGetValue(image.Id, out var file) ? file : null) : null;
            if (fault is var (kind, sentence))
            {
                _skippedImages.Add(image.Id);
                Problem(kind, $"image {image.Id} ({image.FileName}) {sentence}", SkippedImage);
            }
            else
            {
                _usable.Add(image.Id, (image, []));
            }
        }
    }

    /// <summary>Judges an annotation and adds it.</summary>
    /// <param name="record">How it is named in sentences.</param>
    /// <param name="imageId">Its image.</param>
    /// <param name="annotation">What was read.</param>
    /// <param name="file">The file, where it is not the data set's own.</param>
    internal void AddAnnotation(string record, long imageId, DatasetAnnotation annotation, string? file = null)
    {
        if (IsSkipped(imageId)) return;
        if (!_usable.TryGetValue(imageId, out var target))
        {
            Problem(DataProblemKind.UnknownImage, $"{record} is of image {imageId}, which is not listed", file: file);
            return;
        }

        if (Judges)
        {
            if (Fault(record, target.Image, annotation) is var (kind, sentence))
            {
                Problem(kind, sentence, file: file);
                return;
            }

            annotation = Inside(record, target.Image, annotation, file);
        }

        target.Annotations.Add(annotation);
    }

    /// <summary>The data set of what was added.</summary>
    /// <exception cref="DataException">There are problems and the options are strict.</exception>
    internal DatasetReading Build()
    {
        if (options.Checks == DataChecks.Strict && !Report.IsClean)
            throw new DataException($"{source} is refused: {Report.Summary(100)}\nMend these records, or read without the strict check (--strict) to skip them", Report);
        var dataset = new DetectionDataset(_categories, [.. _usable.Values.Select(u => u.Image with { Annotations = u.Annotations })]);
        return new DatasetReading(dataset, Report);
    }

    static (DataProblemKind Kind, string Sentence)? Fault(DatasetImage image, ImageProbe.Result? file)
    {
        if (image.Width < 1 || image.Height < 1) return (DataProblemKind.InvalidNumber, $"has the size {image.Width}x{image.Height}");
        if (file is not { } found) return null;
        if (found.Problem is { } problem) return (problem, $"cannot be used: {found.Reason}");
        return found.Size == image.Size
            ? null
            : (DataProblemKind.WrongImageSize, $"is {image.Width}x{image.Height} in the data set but {found.Size.Width}x{found.Size.Height} in the file {image.Path}");
    }

    (DataProblemKind Kind, string Sentence)? Fault(string record, DatasetImage image, DatasetAnnotation annotation)
    {
        var box = annotation.Box;
        if (!_categoryIds.Contains(annotation.CategoryId))
            return (DataProblemKind.UnknownCategory, $"{record} is of class {annotation.CategoryId}, which is not listed");
        if (!box.IsFinite)
            return (DataProblemKind.InvalidNumber, $"{record} has the box {box}");
        if (!box.HasExtent)
            return (DataProblemKind.Empty, $"{record} has the box {box} without extent");
        if (!box.ClipTo(image.Width, image.Height).HasExtent)
            return (DataProblemKind.OutsideImage, $"{record} has the box {box} outside its image of {image.Width}x{image.Height}");
        if (!(annotation.Area >= 0) || double.IsInfinity(annotation.Area))
            return (DataProblemKind.InvalidNumber, $"{record} has the area {annotation.Area}");
        if (annotation.Segmentation is { } segmentation && SegmentationFault(segmentation, image) is { } fault)
            return (DataProblemKind.InvalidSegmentation, $"{record} {fault}");
        // Last: a broken record does not use up its id.
        if (!_annotationIds.Add(annotation.Id))
            return (DataProblemKind.DuplicateId, $"{record} has the id of another annotation");
        return null;
    }

    static string? SegmentationFault(Segmentation segmentation, DatasetImage image)
    {
        if (segmentation.Mask is not { } mask) return null;
        if ((mask.Height, mask.Width) != (image.Height, image.Width)) return $"has a mask of {mask.Width}x{mask.Height}, its image has {image.Width}x{image.Height}";
        return mask.Area == 0 ? "has an empty mask" : null;
    }

    DatasetAnnotation Inside(string record, DatasetImage image, DatasetAnnotation annotation, string? file)
    {
        var excess = annotation.Box.Excess(image.Width, image.Height);
        if (excess <= Tolerance) return annotation;
        Problem(DataProblemKind.BeyondImage, $"{record} has the box {annotation.Box}, {excess:0.#} pixels beyond its image of {image.Width}x{image.Height}", "cut at the border", file);
        return annotation with { Box = annotation.Box.ClipTo(image.Width, image.Height) };
    }
}
