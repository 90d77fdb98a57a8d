using Cones.Models;

namespace Cones.Data.Yolo;

/// <summary>Reads YOLO folders: label files of the images' names, with <c>data.yaml</c>, or with <c>classes.txt</c> beside images and labels.</summary>
/// <remarks>
/// Reference: the data set format of ultralytics. The label file of <c>.../images/a.jpg</c> is <c>.../labels/a.txt</c>; without a
/// folder <c>images</c> it lies beside the image. An image without label file shows none of the classes. Class number c gets
/// the id c + 1, images are numbered from 1 in the order of their names.
/// </remarks>
public static class YoloReader
{
    /// <summary>Reads a split.</summary>
    /// <param name="path">A <c>data.yaml</c>, or a folder that holds it or <c>classes.txt</c>.</param>
    /// <param name="split">The split, e.g. <c>train</c>; null takes the first that there is, or the whole of a plain folder.</param>
    /// <param name="options">How broken records are treated; null skips them.</param>
    /// <exception cref="ConesException">The files do not exist, cannot be read or name no classes.</exception>
    /// <exception cref="DataException">The options are strict and a record is broken.</exception>
    public static DatasetReading Read(string path, string? split = null, DataReadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new DataReadOptions();
        var config = FindConfig(path) is { } file ? YoloConfig.Read(file, split) : Plain(path, split);
        var builder = new DatasetBuilder(config.Source, options);
        foreach (var (index, name) in config.Names.OrderBy(n => n.Key)) builder.AddCategory(new DatasetCategory(index + 1, name));

        var images = config.Images.SelectMany(ListImages).Distinct().Order(StringComparer.Ordinal).ToArray();
        if (images.Length == 0) throw new ConesException($"{string.Join(", ", config.Images)} holds no image: check the path");
        var labels = Array.ConvertAll(images, LabelPath);
        if (!labels.Any(File.Exists)) throw new ConesException($"no image of {config.Source} has a label file: {labels[0]} and the others do not exist");
        var root = Path.GetDirectoryName(Path.GetFullPath(config.Source))!;
        var probes = ImageProbe.Read(images);
        for (var i = 0; i < images.Length; i++)
        {
            var name = Path.GetRelativePath(root, images[i]).Replace('\\', '/');
            if (probes[i].Problem is { } kind) builder.SkipImage(i + 1, kind, $"image {name} cannot be used: {probes[i].Reason}");
            else builder.AddImage(new DatasetImage { Id = i + 1, FileName = name, Path = images[i], Width = probes[i].Size.Width, Height = probes[i].Size.Height });
        }

        builder.FinishImages(filesAreKnown: true);
        long annotations = 0;
        for (var i = 0; i < images.Length; i++)
            if (probes[i].Problem is null && File.Exists(labels[i])) ReadLabels(builder, labels[i], i + 1, probes[i], config, ref annotations);
        return builder.Build();
    }

    /// <summary>The splits that a data set names in its <c>data.yaml</c>; none where it has no such file.</summary>
    /// <exception cref="ConesException">The file cannot be read.</exception>
    public static IReadOnlyList<string> Splits(string path) => FindConfig(path) is { } file ? YoloConfig.Splits(file) : [];

    static string? FindConfig(string path)
    {
        if (File.Exists(path)) return path;
        if (!Directory.Exists(path)) throw new ConesException($"{path} does not exist: check the path");
        string[] files = [.. Directory.GetFiles(path, "*.yaml"), .. Directory.GetFiles(path, "*.yml")];
        return files.FirstOrDefault(f => Path.GetFileNameWithoutExtension(f) is "data" or "dataset") ?? (files.Length == 1 ? files[0] : null);
    }

    static YoloConfig Plain(string folder, string? split)
    {
        string[] places = [Path.Combine(folder, "classes.txt"), Path.Combine(folder, "labels", "classes.txt"), Path.Combine(folder, "obj.names")];
        var names = places.FirstOrDefault(File.Exists)
            ?? throw new ConesException($"{folder} says nothing of its classes: add data.yaml with names:, or classes.txt with a name in each line");
        var classes = File.ReadLines(names).Select(l => l.Trim()).Where(l => l.Length > 0).Select((name, i) => (name, i)).ToDictionary(p => p.i, p => p.name);
        if (classes.Count == 0) throw new ConesException($"{names} is empty: write a name in each line");
        string[] folders = split is null
            ? [Path.Combine(folder, "images"), folder]
            : [Path.Combine(folder, "images", split), Path.Combine(folder, split, "images"), Path.Combine(folder, split)];
        var images = folders.FirstOrDefault(Directory.Exists) ?? throw new ConesException($"{folder} has no split '{split}': {folders[0]} does not exist");
        return new YoloConfig(names, classes, [images]);
    }

    // A text file lists images, relative to itself.
    static IEnumerable<string> ListImages(string place)
    {
        if (Directory.Exists(place)) return ImageFiles.List(place, SearchOption.AllDirectories);
        var folder = Path.GetDirectoryName(Path.GetFullPath(place))!;
        return File.ReadLines(place).Select(l => l.Trim()).Where(l => l.Length > 0).Select(l => Path.GetFullPath(Path.Combine(folder, l)));
    }

    static string LabelPath(string image)
    {
        var parts = image.Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar);
        var at = Array.LastIndexOf(parts, "images", parts.Length - 2);
        if (at >= 0) parts[at] = "labels";
        return Path.ChangeExtension(string.Join(Path.DirectorySeparatorChar, parts), ".txt");
    }

    static void ReadLabels(DatasetBuilder builder, string path, long imageId, ImageProbe.Result probe, YoloConfig config, ref long annotations)
    {
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            annotations++;
            var label = YoloLabel.Parse(line, probe.Size, out var problem);
            if (label is not null && !config.Names.ContainsKey(label.Class))
                problem = (DataProblemKind.UnknownCategory, $"has the class {label.Class}, {config.Source} has {config.Names.Count} names");
            if (problem is var (kind, sentence))
            {
                builder.Problem(kind, $"line {number} {sentence}", file: path);
                continue;
            }

            builder.AddAnnotation($"line {number}", imageId, new DatasetAnnotation
            {
                Id = annotations,
                CategoryId = label!.Class + 1,
                Box = label.Box,
                Area = label.Segmentation?.ToMask(probe.Size.Height, probe.Size.Width).Area ?? label.Box.Area,
                Segmentation = label.Segmentation,
            }, path);
        }
    }
}
