using Cones.Models;

namespace Cones.Data.Voc;

/// <summary>Reads Pascal VOC folders: <c>Annotations/*.xml</c>, <c>JPEGImages</c>, <c>ImageSets/Main</c>; or XML files beside their images.</summary>
/// <remarks>Reference: Everingham et al., The PASCAL VOC development kit. Images are numbered from 1 in the order of the files' names.</remarks>
public static class VocReader
{
    /// <summary>Reads a folder.</summary>
    /// <param name="folder">The folder that holds <c>Annotations</c>, or the XML files themselves.</param>
    /// <param name="voc">What the format leaves open; null takes the defaults.</param>
    /// <param name="options">How broken records are treated; null skips them.</param>
    /// <exception cref="ConesException">The folder or list does not exist or holds no annotation.</exception>
    /// <exception cref="DataException">The options are strict and a record is broken.</exception>
    public static DatasetReading Read(string folder, VocOptions? voc = null, DataReadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        voc ??= new VocOptions();
        options ??= new DataReadOptions();
        var builder = new DatasetBuilder(folder, options);
        var files = ReadFiles(builder, AnnotationFiles(builder, folder, voc.Split));
        var categories = Categories(voc, files);
        foreach (var (name, index) in categories) builder.AddCategory(new DatasetCategory(index + 1, name));

        var images = ImageFiles.Of(ImageFolder(folder, options));
        for (var i = 0; i < files.Count; i++) AddImage(builder, files[i].Path, files[i].File, i + 1, images);
        builder.FinishImages();
        long annotations = 0;
        for (var i = 0; i < files.Count; i++)
            for (var k = 0; k < files[i].File.Objects.Count; k++)
                AddObject(builder, files[i].Path, files[i].File.Objects[k], k, i + 1, ++annotations, categories, voc);
        return builder.Build();
    }

    static List<string> AnnotationFiles(DatasetBuilder builder, string folder, string? split)
    {
        if (!Directory.Exists(folder)) throw new ConesException($"{folder} does not exist: check the path");
        var annotations = Path.Combine(folder, "Annotations");
        if (!Directory.Exists(annotations)) annotations = folder;
        if (split is null)
        {
            var all = Directory.GetFiles(annotations, "*.xml").Order(StringComparer.Ordinal).ToList();
            return all.Count > 0 ? all : throw new ConesException($"{annotations} holds no XML file: name a Pascal VOC folder");
        }

        var list = Path.Combine(folder, "ImageSets", "Main", $"{split}.txt");
        if (!File.Exists(list)) throw new ConesException($"{list} does not exist: name a split of ImageSets/Main");
        var paths = new List<string>();
        // Lists of one class have a second column.
        foreach (var stem in File.ReadLines(list).Select(l => l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).FirstOrDefault()).OfType<string>())
        {
            var path = Path.Combine(annotations, $"{stem}.xml");
            if (File.Exists(path)) paths.Add(path);
            else builder.Problem(DataProblemKind.MissingFile, $"{stem} has no annotation file {path}", file: list);
        }

        return paths;
    }

    static List<(string Path, VocFile File)> ReadFiles(DatasetBuilder builder, List<string> paths)
    {
        var files = new List<(string, VocFile)>();
        foreach (var path in paths)
        {
            try
            {
                files.Add((path, VocFile.Read(path)));
            }
            catch (ConesException e)
            {
                builder.Problem(DataProblemKind.Malformed, $"the file {e.Message}", file: path);
            }
        }

        return files;
    }

    static Dictionary<string, int> Categories(VocOptions voc, List<(string Path, VocFile File)> files)
    {
        var names = voc.Categories ?? [.. files.SelectMany(f => f.File.Objects).Select(o => o.Name).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
        return names.Select((name, i) => (name, i)).ToDictionary(p => p.name, p => p.i);
    }

    static string ImageFolder(string folder, DataReadOptions options)
    {
        if (options.ImageFolder is { } given) return given;
        string[] folders = [Path.Combine(folder, "JPEGImages"), Path.Combine(folder, "images"), Path.Combine(folder, "Images")];
        return folders.FirstOrDefault(Directory.Exists) ?? folder;
    }

    static void AddImage(DatasetBuilder builder, string path, VocFile file, int id, ImageFiles images)
    {
        // The name inside is often an old one: the annotation's own name decides.
        var stem = Path.GetFileNameWithoutExtension(path);
        var image = images.Find(stem) ?? (file.FileName is { } name ? images.FindName(name) : null);
        if (image is null)
            builder.SkipImage(id, DataProblemKind.MissingFile, $"there is no image {stem} in {images.Folder}", path);
        else if (file is not { Width: { } width, Height: { } height })
            builder.SkipImage(id, DataProblemKind.MissingValue, "there is no <size> with <width> and <height>", path);
        else
            builder.AddImage(new DatasetImage { Id = id, FileName = Path.GetFileName(image), Path = image, Width = width, Height = height });
    }

    static void AddObject(
        DatasetBuilder builder, string path, VocObject item, int number, long imageId, long id, Dictionary<string, int> categories, VocOptions voc)
    {
        var record = $"object {number} ({item.Name ?? "without a name"})";
        if ((item.Difficult && !voc.IncludeDifficult) || builder.IsSkipped(imageId)) return;
        if (item.Name is null)
        {
            builder.Problem(DataProblemKind.MissingValue, $"{record} has no <name>", file: path);
        }
        else if (item.Corners is not var (x1, y1, x2, y2))
        {
            builder.Problem(DataProblemKind.MissingValue, $"{record} has no <bndbox>", file: path);
        }
        else if (double.IsNaN(x1 + y1 + x2 + y2))
        {
            builder.Problem(DataProblemKind.InvalidNumber, $"{record} has a <bndbox> without xmin, ymin, xmax and ymax that are numbers", file: path);
        }
        else if (!categories.TryGetValue(item.Name, out var category))
        {
            builder.Problem(DataProblemKind.UnknownCategory, $"{record} is of a class that is not listed", file: path);
        }
        else
        {
            var shift = voc.OneBased ? 1 : 0;
            var box = BoundingBox.FromCorners(x1 - shift, y1 - shift, x2, y2);
            builder.AddAnnotation(record, imageId, new DatasetAnnotation { Id = id, CategoryId = category + 1, Box = box, Area = box.Area }, path);
        }
    }
}
