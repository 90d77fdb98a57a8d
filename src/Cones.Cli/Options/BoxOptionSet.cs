using System.CommandLine;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using Cones.Prompts.Detection;
using Cones.Tasks.Detection;
using Cones.Tasks.Segmentation;

namespace Cones.Cli.Options;

/// <summary>Where the boxes come from that ask SAM for masks.</summary>
sealed class BoxOptionSet
{
    const string Embedded = "embedded";

    readonly Option<string?> _detector = new("--detector") { Description = $"A detector finds the boxes: folder or file of its weights, its Hugging Face id, or {Embedded}.", HelpName = "MODEL" };
    readonly Option<string[]> _concepts = new("--detector-concept") { Description = "The detector finds the concepts of this file (`cones search detection`).", HelpName = "FILE" };
    readonly Option<string[]> _classes = new("--detector-classes") { Description = "The detector finds what names say, separated by commas; name=words gives a class other words.", HelpName = "NAMES" };
    readonly Option<string?> _file = new("--boxes") { Description = "The boxes of a list of COCO results, such as detections.json of `cones detect`.", HelpName = "FILE" };
    readonly Option<bool> _none = new("--no-boxes") { Description = "No boxes: the concept's tokens alone ask for all objects of its class, which are told apart where they do not touch." };

    /// <summary>The option that loosens the annotations' boxes.</summary>
    public static Option<double> MarginOption() => new("--box-margin")
    {
        Description = "Loosen the annotations' boxes: each side lies outwards by a random share of the box's side, at most this.",
        HelpName = "SHARE",
        DefaultValueFactory = _ => 0,
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_detector, _concepts, _classes, _file, _none]) command.Options.Add(option);
    }

    /// <summary>The list of results that was named, or null.</summary>
    public string? File(ParseResult parsed) => parsed.GetValue(_file);

    /// <summary>Whether a detector was named.</summary>
    public bool HasDetector(ParseResult parsed) => parsed.GetValue(_detector) is not null;

    /// <summary>What was asked for; null where nothing was.</summary>
    /// <exception cref="ConesException">Several were asked for, or options do not go together.</exception>
    public BoxSource? Source(ParseResult parsed)
    {
        var given = new[] { (_detector.Name, HasDetector(parsed)), (_file.Name, File(parsed) is not null), (_none.Name, parsed.GetValue(_none)) }.Where(o => o.Item2).Select(o => o.Name).ToArray();
        if (given.Length > 1) throw new ConesException($"{string.Join(" and ", given)} say different things about boxes: leave one out");
        if (!HasDetector(parsed) && (Texts(parsed, _concepts).Length > 0 || Texts(parsed, _classes).Length > 0))
            throw new ConesException("what a detector is to find was named, but no detector: name one (--detector)");
        if (File(parsed) is { } file && !System.IO.File.Exists(file)) throw new ConesException($"{file} does not exist: check the path (--boxes)");
        return given.Length == 0 ? null : parsed.GetValue(_none) ? BoxSource.None : BoxSource.Found;
    }

    /// <summary>Loads the detector, to be disposed of with what it returns.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="loading">Device and type of its weights.</param>
    /// <param name="otherwise">What is found where neither concepts nor classes are named.</param>
    public BoxDetector Load(ParseResult parsed, LoadOptions loading, IReadOnlyList<string> otherwise)
    {
        var named = parsed.GetRequiredValue(_detector)!;
        var model = named == Embedded ? EmbeddedModels.Find(EmbeddedModels.Detector) : HuggingFaceCache.Default().Resolve(named);
        var detector = Detectors.Load(model, loading);
        try
        {
            var finder = Texts(parsed, _concepts) is { Length: > 0 } concepts
                ? ObjectFinder.OfConcepts(detector, concepts, model)
                : ObjectFinder.OfClasses(detector, Texts(parsed, _classes) is { Length: > 0 } names ? FinderOptionSet.ParseClasses(names) : [.. otherwise.Select(n => new ClassPrompt(n, n))]);
            return new BoxDetector(detector, finder);
        }
        catch
        {
            detector.Dispose();
            throw;
        }
    }

    /// <summary>The boxes of the images of a data set, found by the detector or read from a list of results.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="file">The list of results; null for the detector.</param>
    /// <param name="loading">Device and type of the detector's weights.</param>
    /// <param name="onProgress">Told, in a line each, what is done.</param>
    /// <param name="cancellation">Stops between two images.</param>
    public IReadOnlyDictionary<long, IReadOnlyList<PromptBox>> Of(
        ParseResult parsed, DetectionDataset dataset, string? file, LoadOptions loading, Action<string> onProgress, CancellationToken cancellation)
    {
        if (file is not null) return Read(file, dataset.Categories.ToDictionary(c => c.Id, c => c.Name));
        onProgress($"finding boxes on {dataset.Images.Count} images");
        var boxes = new Dictionary<long, IReadOnlyList<PromptBox>>();
        using var detector = Load(parsed, loading, dataset.CategoryNames);
        foreach (var image in dataset.Images)
        {
            cancellation.ThrowIfCancellationRequested();
            boxes[image.Id] = detector.Find(image.Load());
        }

        return boxes;
    }

    /// <summary>The boxes of a list of results by image id.</summary>
    /// <param name="path">The list.</param>
    /// <param name="names">The classes by their ids; results of others are left out.</param>
    /// <exception cref="ConesException">The list cannot be read, or holds nothing of these classes.</exception>
    public static IReadOnlyDictionary<long, IReadOnlyList<PromptBox>> Read(string path, IReadOnlyDictionary<long, string> names)
    {
        var boxes = new Dictionary<long, List<PromptBox>>();
        foreach (var result in CocoResultReader.Stream(path))
        {
            if (!names.TryGetValue(result.CategoryId, out var name) || (result.Box ?? result.Segmentation?.Mask?.Box) is not { HasExtent: true } box) continue;
            if (!boxes.TryGetValue(result.ImageId, out var list)) boxes[result.ImageId] = list = [];
            list.Add(new PromptBox(name, Math.Clamp(result.Score, 0, 1), box));
        }

        return boxes.Count > 0
            ? boxes.ToDictionary(b => b.Key, b => (IReadOnlyList<PromptBox>)b.Value)
            : throw new ConesException($"{path} holds no box of the classes {string.Join(", ", names.Values.Take(20))} (ids {string.Join(", ", names.Keys.Take(20))}): is it of these images? (--boxes)");
    }

    static string[] Texts(ParseResult parsed, Option<string[]> option) => parsed.GetValue(option) ?? [];
}

/// <summary>A detector and what it finds.</summary>
sealed class BoxDetector(IDetector detector, ObjectFinder finder) : IDisposable
{
    /// <summary>The classes.</summary>
    public IReadOnlyList<string> Names => finder.Names;

    /// <summary>The boxes of an image, the surest first.</summary>
    public IReadOnlyList<PromptBox> Find(RgbImage image) => [.. finder.Find(image).Where(f => f.Box.HasExtent).Select(f => new PromptBox(f.Name, f.Score, f.Box))];

    public void Dispose()
    {
        finder.Dispose();
        detector.Dispose();
    }
}
