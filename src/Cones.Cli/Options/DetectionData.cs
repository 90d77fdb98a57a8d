using Cones.Data;
using Cones.Data.Voc;
using Cones.Data.Yolo;
using Cones.Models;

namespace Cones.Cli.Options;

/// <summary>Reads annotated images for commands, and says on stderr what was wrong with them.</summary>
static class DetectionData
{
    const int NamedProblems = 100;

    /// <summary>Reads a data set of any known format.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="split">The split of a VOC or YOLO folder, or null.</param>
    /// <param name="options">What happens to broken records, and where the images lie.</param>
    /// <param name="voc">What Pascal VOC leaves open.</param>
    /// <param name="error">Told about broken records.</param>
    public static DetectionDataset Read(string path, string? split, DataReadOptions options, VocOptions voc, TextWriter error)
    {
        var reading = DatasetReader.Read(path, split, options, voc);
        if (!reading.Report.IsClean) error.WriteLine($"warning: {path}: {reading.Report.Summary(NamedProblems)}");
        return reading.Dataset;
    }

    /// <summary>The images whose pixels can be decoded; the others are named, and left out or refused.</summary>
    /// <param name="dataset">The images that will be used.</param>
    /// <param name="path">The data set.</param>
    /// <param name="checks">What happens to broken images.</param>
    /// <param name="error">Told about broken images.</param>
    /// <exception cref="ConesException">None is left, or the checks are strict and one is broken.</exception>
    public static DetectionDataset Decodable(DetectionDataset dataset, string path, DataChecks checks, TextWriter error)
    {
        var reading = DecodedImages.Check(dataset, path, checks);
        if (!reading.Report.IsClean) error.WriteLine($"warning: {path}: {reading.Report.Summary(NamedProblems)}");
        return reading.Dataset.Images.Count > 0 || dataset.Images.Count == 0 ? reading.Dataset : throw new ConesException($"{path} has no image that can be decoded: mend them, or name another data set");
    }

    /// <summary>The split to judge by, where none is named: of a YOLO data set the first of val, valid and test that it has.</summary>
    public static string? JudgedSplit(string path) =>
        IsYolo(path) ? YoloReader.Splits(path).FirstOrDefault(s => s is "val" or "valid" or "test") : null;

    static bool IsYolo(string path) => File.Exists(path)
        ? Path.GetExtension(path).ToLowerInvariant() is ".yaml" or ".yml"
        : Directory.Exists(path) && Directory.EnumerateFiles(path).Any(f => Path.GetExtension(f).ToLowerInvariant() is ".yaml" or ".yml");
}
