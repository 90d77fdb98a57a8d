using System.Text.Json;
using Cones.Models;

namespace Cones.Data.Coco;

/// <summary>Reads data sets in COCO's JSON: <c>images</c>, <c>categories</c> and <c>annotations</c> in any order.</summary>
/// <remarks>
/// The file is read record by record. Image files are looked for in <see cref="DataReadOptions.ImageFolder"/>, else in the first of
/// these folders that holds the first image: beside the JSON file, <c>images</c> beside it, and the same two one folder higher.
/// </remarks>
public static class CocoReader
{
    /// <summary>Reads a data set.</summary>
    /// <param name="path">The JSON file.</param>
    /// <param name="options">How broken records are treated; null skips them.</param>
    /// <exception cref="ConesException">The file cannot be read, is no JSON or no COCO data set.</exception>
    /// <exception cref="DataException">The options are strict and a record is broken.</exception>
    public static DatasetReading Read(string path, DataReadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new DataReadOptions();
        var builder = new DatasetBuilder(path, options);
        var images = new List<CocoImageRecord>();
        var annotations = new List<CocoObjectRecord>();
        ReadRecords(path, builder, images, annotations);

        var folder = options.ImageFolder ?? FindFolder(path, images.FirstOrDefault(i => i.FileName is not null)?.FileName, options);
        foreach (var (image, number) in images.Select((image, i) => (image, i))) Add(builder, image, number, folder);
        builder.FinishImages();
        var sizes = images.Where(i => i.Id is not null).GroupBy(i => i.Id!.Value).ToDictionary(g => g.Key, g => g.First());
        for (var i = 0; i < annotations.Count; i++) Add(builder, annotations[i], i, sizes);
        return builder.Build();
    }

    static void ReadRecords(string path, DatasetBuilder builder, List<CocoImageRecord> images, List<CocoObjectRecord> annotations)
    {
        using var reader = new JsonRecordReader(path);
        var first = reader.Next(out _);
        if (first == JsonTokenType.StartArray) throw new ConesException($"{path} is a list, as COCO's results are, not a data set with images, categories and annotations");
        if (first != JsonTokenType.StartObject) throw new ConesException($"{path} is not a COCO data set: it holds no object with images, categories and annotations");

        var categories = 0;
        var found = new HashSet<string>();
        while (reader.Next(out var name) == JsonTokenType.PropertyName)
        {
            if (name is not ("images" or "categories" or "annotations"))
            {
                reader.SkipValue();
                continue;
            }

            if (reader.Next(out _) != JsonTokenType.StartArray) throw new ConesException($"{path} is not a COCO data set: '{name}' is not a list");
            found.Add(name);
            JsonRecordReader.RecordHandler handler = name switch
            {
                "images" => r => images.Add(IsObject(r) ? CocoImageRecord.Parse(r) : new CocoImageRecord(null, null, null, null)),
                "categories" => r => Add(builder, IsObject(r) ? CocoCategoryRecord.Parse(r) : new CocoCategoryRecord(null, null, null), categories++),
                _ => r => annotations.Add(IsObject(r) ? CocoObjectRecord.Parse(r) : new CocoObjectRecord(null, null, null, null, false, null, null, false, null, null)),
            };
            while (reader.NextElement(handler)) continue;
        }

        if (reader.Next(out _) != JsonTokenType.None) throw reader.Malformed("something follows the end");
        foreach (var name in new[] { "images", "categories", "annotations" })
            if (!found.Contains(name)) throw new ConesException($"{path} is not a COCO data set: '{name}' is missing");
    }

    static bool IsObject(ReadOnlySpan<byte> record) => record[0] == '{';

    static string? FindFolder(string path, string? fileName, DataReadOptions options)
    {
        if (options.Checks == DataChecks.AsWritten || fileName is null) return null;
        var beside = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var above = Path.GetDirectoryName(beside) ?? beside;
        string[] folders = [beside, Path.Combine(beside, "images"), above, Path.Combine(above, "images")];
        return folders.FirstOrDefault(f => File.Exists(Path.Combine(f, fileName)));
    }

    static void Add(DatasetBuilder builder, CocoCategoryRecord record, int number)
    {
        if (record is { Id: { } id, Name: { } name }) builder.AddCategory(new DatasetCategory(id, name, record.Supercategory));
        else builder.Problem(DataProblemKind.MissingValue, $"entry {number} of categories has no {(record.Id is null ? "id that is a whole number" : "name")}");
    }

    static void Add(DatasetBuilder builder, CocoImageRecord record, int number, string? folder)
    {
        var name = $"entry {number} of images";
        if (record.Id is not { } id)
            builder.Problem(DataProblemKind.MissingValue, $"{name} has no id that is a whole number");
        else if (record.FileName is not { } fileName)
            builder.SkipImage(id, DataProblemKind.MissingValue, $"{name} (id {id}) has no file_name");
        else if (record is not { Width: { } width, Height: { } height })
            builder.SkipImage(id, DataProblemKind.MissingValue, $"{name} (id {id}) has no width and height that are whole numbers");
        else if (width is < int.MinValue or > int.MaxValue || height is < int.MinValue or > int.MaxValue)
            builder.SkipImage(id, DataProblemKind.InvalidNumber, $"{name} (id {id}) has the size {width}x{height}");
        else
            builder.AddImage(new DatasetImage
            {
                Id = id,
                FileName = fileName,
                Path = folder is null ? null : Path.Combine(folder, fileName),
                Width = (int)width,
                Height = (int)height,
            });
    }

    static void Add(DatasetBuilder builder, CocoObjectRecord record, int number, Dictionary<long, CocoImageRecord> images)
    {
        var name = record.Id is { } known ? $"annotation {known}" : $"entry {number} of annotations";
        if (record.ImageId is { } imageId) name += $" of image {imageId}";
        if (Fault(record) is var (kind, sentence))
        {
            builder.Problem(kind, $"{name} {sentence}");
            return;
        }

        var (box, area) = Extent(record, images.GetValueOrDefault(record.ImageId!.Value));
        builder.AddAnnotation(name, record.ImageId.Value, new DatasetAnnotation
        {
            Id = record.Id!.Value,
            CategoryId = record.CategoryId!.Value,
            Box = box,
            Area = area,
            IsCrowd = record.IsCrowd,
            Segmentation = record.Segmentation,
        });
    }

    // Box and area are optional in practice: of a mask both follow.
    static (BoundingBox Box, double Area) Extent(CocoObjectRecord record, CocoImageRecord? image)
    {
        if (record is { Box: { } known, Area: { } knownArea }) return (known, knownArea);
        var mask = record.Segmentation?.Mask;
        if (mask is null && record.Segmentation is { } polygons && image is { Width: >= 1 and <= int.MaxValue, Height: >= 1 and <= int.MaxValue })
            mask = polygons.ToMask((int)image.Height, (int)image.Width);
        var box = record.Box ?? mask?.Box ?? default;
        return (box, record.Area ?? mask?.Area ?? box.Area);
    }

    static (DataProblemKind Kind, string Sentence)? Fault(CocoObjectRecord record)
    {
        if (record.Id is null) return (DataProblemKind.MissingValue, "has no id that is a whole number");
        if (record.ImageId is null) return (DataProblemKind.MissingValue, "has no image_id that is a whole number");
        if (record.CategoryId is null) return (DataProblemKind.MissingValue, "has no category_id that is a whole number");
        if (record.SegmentationFault is { } fault) return (DataProblemKind.InvalidSegmentation, fault);
        if (record.Box is { IsFinite: false }) return (DataProblemKind.InvalidNumber, "has a bbox with a value that is no finite number");
        if (record.Box is null && record.HasBox) return (DataProblemKind.MissingValue, "has a bbox that is not a list of four numbers");
        if (record.Box is null && record.Segmentation is null) return (DataProblemKind.MissingValue, "has neither bbox nor segmentation");
        if (record.Area is { } area && double.IsNaN(area)) return (DataProblemKind.InvalidNumber, "has an area that is no finite number");
        return null;
    }
}
