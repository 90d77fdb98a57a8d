using System.CommandLine;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Instances;
using Cones.Models;
using Cones.Models.Imaging;

namespace Cones.Cli.Options;

/// <summary>Reads images with masks for commands: COCO's JSON, a folder of the Data Science Bowl's layout, or label images.</summary>
static class SegmentationData
{
    /// <summary>What <c>--data</c> takes.</summary>
    public const string Formats = "COCO's JSON; a folder with a folder an image, images/ and a PNG a mask in masks/ (Data Science Bowl 2018); or a folder of label images (PNG, 8 or 16 bit), then with --images.";

    /// <summary>The option that names the one class of masks without names.</summary>
    public static Option<string> ClassOption() => new("--class") { Description = "The class of masks that have no names of their own (Data Science Bowl, label images).", HelpName = "NAME", DefaultValueFactory = _ => "nucleus" };

    /// <summary>Reads a data set and says what was wrong with it.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="images">The folder of the images, or null for the one that the format implies.</param>
    /// <param name="name">The class of masks without names.</param>
    /// <param name="checks">What happens to broken records.</param>
    /// <param name="error">Told about broken records.</param>
    public static DetectionDataset Read(string path, string? images, string name, DataChecks checks, TextWriter error)
    {
        var options = new DataReadOptions { Checks = checks, ImageFolder = images };
        if (images is null && IsFlat(path))
            throw new ConesException($"{path} holds PNG files, but no data set that is known: if they are label images, name the folder of their pictures (--images)");
        var reading = !Directory.Exists(path) ? CocoReader.Read(path, options)
            : DsbReader.Matches(path) ? DsbReader.Read(path, name, options)
            : images is not null ? LabelImageReader.Read(path, name, options)
            : DatasetReader.Read(path, null, options);
        if (!reading.Report.IsClean) error.WriteLine($"warning: {reading.Report.Summary(3)}");
        return checks == DataChecks.AsWritten ? reading.Dataset : WithoutHuge(reading.Dataset, path, checks, error);
    }

    // Found here, and not after hours, by what the data says of its images.
    static DetectionDataset WithoutHuge(DetectionDataset dataset, string path, DataChecks checks, TextWriter error)
    {
        DatasetImage[] huge = [.. dataset.Images.Where(IsHuge)];
        if (huge.Length == 0) return dataset;
        var sentence = $"{path}: image {huge[0].FileName} has {huge[0].Width}x{huge[0].Height} pixels, more than the limit of {ImageLoadOptions.DefaultMaxPixels}{(huge.Length > 1 ? $" (as {huge.Length - 1} others have)" : "")}";
        if (checks == DataChecks.Strict) throw new ConesException($"{sentence}: make it smaller");
        error.WriteLine($"warning: {sentence}: left out, make it smaller");
        return new DetectionDataset(dataset.Categories, [.. dataset.Images.Where(i => !IsHuge(i))]);
    }

    static bool IsHuge(DatasetImage image) => (long)image.Width * image.Height > ImageLoadOptions.DefaultMaxPixels;

    static bool IsFlat(string path) =>
        Directory.Exists(path) && Directory.EnumerateFiles(path, "*.png").Any() && !Directory.EnumerateDirectories(path).Any() && !Directory.EnumerateFiles(path, "*.yaml").Any();
}
