using System.Globalization;
using Cones.Models;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cones.Data.Yolo;

/// <summary>A YOLO <c>data.yaml</c>: names by class number, and the image folders or lists of each split.</summary>
sealed record YoloConfig(string Source, IReadOnlyDictionary<int, string> Names, IReadOnlyList<string> Images)
{
    static readonly string[] s_splits = ["train", "val", "valid", "test"];

    /// <summary>Reads a file and finds what a split names.</summary>
    /// <exception cref="ConesException">It cannot be read, is no YAML, has no names or not the split, or the split's folder does not exist.</exception>
    internal static YoloConfig Read(string path, string? split)
    {
        var root = Root(path);
        var names = ReadNames(path, root);
        if (Text(root, "nc") is { } count && int.TryParse(count, CultureInfo.InvariantCulture, out var classes) && classes != names.Count)
            throw new ConesException($"{path} says nc: {classes} but has {names.Count} names: mend one of them");
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var data = Text(root, "path") is { } relative ? Path.Combine(folder, relative) : folder;
        var splits = s_splits.Where(s => Find(root, s) is not null).ToArray();
        var key = split ?? splits.FirstOrDefault() ?? throw new ConesException($"{path} names no images: add train: with a folder");
        // Both spellings are in use for validation.
        if (Find(root, key) is null && key is "val" or "valid") key = key == "val" ? "valid" : "val";
        var entries = Strings(Find(root, key) ?? throw new ConesException($"{path} has no split '{split}': it has {string.Join(", ", splits)}"));
        return new YoloConfig(path, names, [.. entries.Select(e => Locate(path, folder, data, e))]);
    }

    /// <summary>The splits that a file names.</summary>
    internal static IReadOnlyList<string> Splits(string path)
    {
        var root = Root(path);
        return [.. s_splits.Where(s => Find(root, s) is not null)];
    }

    static YamlMappingNode Root(string path)
    {
        try
        {
            var stream = new YamlStream();
            using var reader = new StreamReader(path);
            stream.Load(reader);
            return stream.Documents is [{ RootNode: YamlMappingNode root }] ? root : throw new ConesException($"{path} is no YOLO data set: names: and train: are needed");
        }
        catch (YamlException e)
        {
            throw new ConesException($"{path} is not valid YAML (line {e.Start.Line}: {e.Message}): mend it", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be read ({e.Message}): check the path and its permissions", e);
        }
    }

    static Dictionary<int, string> ReadNames(string path, YamlMappingNode root)
    {
        var names = new Dictionary<int, string>();
        switch (Find(root, "names"))
        {
            case YamlSequenceNode list:
                foreach (var name in Strings(list)) names.Add(names.Count, name);
                break;
            case YamlMappingNode map:
                foreach (var (key, value) in map)
                {
                    if (key is not YamlScalarNode { Value: { } number } || !int.TryParse(number, CultureInfo.InvariantCulture, out var index)
                        || value is not YamlScalarNode { Value: { } name } || !names.TryAdd(index, name))
                        throw new ConesException($"{path} has the entry '{key}: {value}' in names: a number and a name, each number once, are needed");
                }

                break;
        }

        return names.Count > 0 ? names : throw new ConesException($"{path} has no names: detectors read the classes' names, add names: with one for each class number");
    }

    // Exports often say ../train/images and mean train/images beside the file.
    static string Locate(string path, string folder, string data, string entry)
    {
        var below = entry.StartsWith("../", StringComparison.Ordinal) ? entry[3..] : entry;
        string[] candidates = [Path.Combine(data, entry), Path.Combine(folder, entry), Path.Combine(folder, below)];
        return candidates.FirstOrDefault(c => Directory.Exists(c) || File.Exists(c)) is { } found
            ? Path.GetFullPath(found)
            : throw new ConesException($"{path} names the images {entry}, but there is no {Path.GetFullPath(candidates[0])}: mend path: or the entry");
    }

    static YamlNode? Find(YamlMappingNode root, string key) =>
        root.Children.TryGetValue(new YamlScalarNode(key), out var node) && node is not YamlScalarNode { Value: null or "" } ? node : null;

    static string? Text(YamlMappingNode root, string key) => (Find(root, key) as YamlScalarNode)?.Value;

    static IEnumerable<string> Strings(YamlNode node) => node switch
    {
        YamlScalarNode { Value: { } value } => [value],
        YamlSequenceNode list => list.OfType<YamlScalarNode>().Select(s => s.Value!),
        _ => [],
    };
}
