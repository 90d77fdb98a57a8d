using Cones.Data.Coco;
using Cones.Data.Instances;
using Cones.Data.Voc;
using Cones.Data.Yolo;
using Cones.Models;

namespace Cones.Data;

/// <summary>Reads a data set of any known format, which it recognises.</summary>
public static class DatasetReader
{
    /// <summary>Reads a data set.</summary>
    /// <param name="path">
    /// A COCO JSON file, a YOLO <c>data.yaml</c>, or a folder: Pascal VOC (XML files), Data Science Bowl (<c>images</c> and
    /// <c>masks</c> in each folder), YOLO (<c>data.yaml</c> or <c>classes.txt</c>), or one that holds a single COCO JSON file.
    /// </param>
    /// <param name="split">The split of a VOC or YOLO folder; null takes all or the first.</param>
    /// <param name="options">How broken records are treated; null skips them.</param>
    /// <param name="voc">What Pascal VOC leaves open; null takes the defaults.</param>
    /// <exception cref="ConesException">The format is not recognised, or the data set cannot be read.</exception>
    /// <exception cref="DataException">The options are strict and a record is broken.</exception>
    public static DatasetReading Read(string path, string? split = null, DataReadOptions? options = null, VocOptions? voc = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path))
        {
            return Path.GetExtension(path).ToLowerInvariant() switch
            {
                ".json" => split is null ? CocoReader.Read(path, options) : throw new ConesException($"{path} is a COCO file, which has no splits: name the file of '{split}'"),
                ".yaml" or ".yml" => YoloReader.Read(path, split, options),
                _ => throw new ConesException($"{path} is no data set: name a COCO .json, a YOLO .yaml or a folder"),
            };
        }

        if (!Directory.Exists(path)) throw new ConesException($"{path} does not exist: check the path");
        if (Holds(path, "*.xml") || Holds(Path.Combine(path, "Annotations"), "*.xml"))
            return VocReader.Read(path, (voc ?? new VocOptions()) with { Split = split }, options);
        if (DsbReader.Matches(path)) return DsbReader.Read(path, options: options);
        string[] yolo = ["*.yaml", "*.yml", "classes.txt", "obj.names"];
        if (yolo.Any(p => Holds(path, p)) || Holds(Path.Combine(path, "labels"), "classes.txt"))
            return YoloReader.Read(path, split, options);
        return Directory.GetFiles(path, "*.json") is [var json]
            ? CocoReader.Read(json, options)
            : throw new ConesException($"{path} is no data set that is known: name a COCO .json, or a folder of Pascal VOC (Annotations/*.xml), "
                + "YOLO (data.yaml) or masks (images/ and masks/ in each folder)");
    }

    static bool Holds(string folder, string pattern) => Directory.Exists(folder) && Directory.EnumerateFiles(folder, pattern).Any();
}
