using Cones.Models;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>
/// Finds objects with concepts of one or several files, or by written names. Each file keeps the caption that it was searched in, so
/// that it finds the same whatever is used beside it; an image is encoded once for all.
/// </summary>
public sealed class ObjectFinder : IDisposable
{
    readonly IDetector _detector;
    readonly List<Part> _parts = [];
    readonly List<string> _names = [];
    HashSet<string>? _selected;

    ObjectFinder(IDetector detector) => _detector = detector;

    /// <summary>The classes, file after file.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>A finder of written names.</summary>
    /// <param name="detector">The detector; not owned.</param>
    /// <param name="classes">The classes.</param>
    /// <exception cref="ConesException">The names cannot be used.</exception>
    public static ObjectFinder OfClasses(IDetector detector, IReadOnlyList<ClassPrompt> classes)
    {
        ClassPrompt.RequireDistinct(classes);
        var finder = new ObjectFinder(detector);
        var runner = CaptionChunks.For(detector, CaptionChunks.Split(detector, classes));
        using var caption = runner.EncodeCaption(classes);
        using var prompt = new CaptionPrompt(caption);
        finder.Add(runner, [.. classes.Select(c => c.Name)], prompt);
        return finder;
    }

    /// <summary>A finder of the concepts of files.</summary>
    /// <param name="detector">The detector; not owned.</param>
    /// <param name="paths">The concept files.</param>
    /// <param name="model">The model's name, for messages.</param>
    /// <exception cref="ConesException">A file cannot be read, belongs to another model or task, or two have a class in common.</exception>
    public static ObjectFinder OfConcepts(IDetector detector, IReadOnlyList<string> paths, string model)
    {
        var finder = new ObjectFinder(detector);
        try
        {
            foreach (var path in paths) finder.Add(path, model);
            return finder;
        }
        catch
        {
            finder.Dispose();
            throw;
        }
    }

    /// <summary>Finds only some of the classes from here on; the others stay in the caption, and scores as they were.</summary>
    /// <exception cref="ConesException">There is no class of a name.</exception>
    public void Select(IReadOnlyList<string> names)
    {
        if (names.FirstOrDefault(n => !_names.Contains(n)) is { } unknown)
            throw new ConesException($"there is no class '{unknown}', only {string.Join(", ", _names)} (--classes)");
        _selected = [.. names];
    }

    /// <summary>Finds objects in an image, by descending score.</summary>
    /// <exception cref="ConesException">The image is too narrow for the model.</exception>
    public IReadOnlyList<FoundObject> Find(RgbImage image)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var features = _detector.EncodeImage(image);
        var found = new List<FoundObject>();
        foreach (var part in _parts)
        {
            var wanted = _selected is null ? null : Enumerable.Range(0, part.Slots.Count).Where(i => _selected.Contains(_names[part.First + i])).ToHashSet();
            if (wanted?.Count == 0) continue;
            foreach (var item in part.Detector.Detect(features, image.Size, part.Conditioning, part.Slots, wanted))
                found.Add(new FoundObject(part.First + item.Class, _names[part.First + item.Class], item.Score, item.Box));
        }

        return [.. found.OrderByDescending(f => f.Score)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in _parts)
        {
            part.Conditioning.Embeddings.Dispose();
            part.Conditioning.Mask!.Dispose();
        }
    }

    void Add(string path, string model)
    {
        using var stored = StoredConcept.Load(path, _detector, model);
        if (stored.Names.FirstOrDefault(_names.Contains) is { } twice)
            throw new ConesException($"{path} has the class '{twice}' as another file has: leave one of them out (--concept)");
        using var prompt = stored.CreatePrompt();
        Add(stored.Detector, stored.Names, prompt);
    }

    void Add(IDetector detector, IReadOnlyList<string> names, IDetectionPrompt prompt)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var built = prompt.Build([0]);
        _parts.Add(new Part(
            detector,
            _names.Count,
            new Conditioning { Embeddings = built.Embeddings.detach().clone().DetachFromDisposeScope(), Mask = built.Mask!.clone().DetachFromDisposeScope() },
            prompt.Classes));
        _names.AddRange(names);
    }

    sealed record Part(IDetector Detector, int First, Conditioning Conditioning, IReadOnlyList<IReadOnlyList<int>> Slots);
}
