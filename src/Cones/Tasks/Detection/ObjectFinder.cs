using Cones.Concepts;
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
        foreach (var part in CaptionChunks.Split(detector, classes))
        {
            using var caption = detector.EncodeCaption(part);
            using var prompt = new CaptionPrompt(caption);
            finder.Add([.. part.Select(c => c.Name)], prompt);
        }

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
            foreach (var item in _detector.Detect(features, image.Size, part.Conditioning, part.Slots, wanted))
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
        using var file = ConceptFile.Load(path);
        var metadata = file.Metadata;
        if (metadata.Task != "detection") throw new ConesException($"{path} was searched for {metadata.Task}, not for detection: name a concept of `cones search detection` (--concept)");
        file.RequireModel(path, _detector.Fingerprint, model);
        if (metadata.Classes.FirstOrDefault(c => _names.Contains(c.Name)) is { } twice)
            throw new ConesException($"{path} has the class '{twice.Name}' as another file has: leave one of them out (--concept)");

        if (metadata.Classes.Count == 0) throw Damaged("it names no classes");
        var sizes = metadata.Captions.Count > 0 ? metadata.Captions : [metadata.Classes.Count];
        if (sizes.Any(n => n < 1) || sizes.Sum() != metadata.Classes.Count) throw Damaged($"its captions of {string.Join(", ", sizes)} classes are not those of {metadata.Classes.Count}");
        if (metadata.SlotRule == SlotRule.FullWithStart && metadata.ClassSlots.Count != metadata.Classes.Count)
            throw Damaged($"{metadata.ClassSlots.Count} classes have slots, {metadata.Classes.Count} have names");
        for (int k = 0, first = 0; k < sizes.Count; first += sizes[k++])
        {
            using var scope = NewDisposeScope();
            ClassPrompt[] classes = [.. metadata.Classes.Skip(first).Take(sizes[k])];
            using var caption = _detector.EncodeCaption(classes);
            if (metadata.SlotRule == SlotRule.FullWithStart)
                AddCaption(classes, caption, Vectors(DetectionSearch.CaptionName(k, sizes.Count), caption), [.. metadata.ClassSlots.Skip(first).Take(sizes[k])]);
            else
                AddClasses(classes, caption, [.. classes.Select(c => Vectors(c.Name, caption))]);
        }

        Tensor Vectors(string name, CaptionEncoding caption)
        {
            var vectors = file.Concepts.FirstOrDefault(c => c.Name == name)?.Embeddings ?? throw Damaged($"the vectors of '{name}' are missing");
            return vectors.shape[1] == caption.Dim ? vectors : throw Damaged($"vectors have {vectors.shape[1]} dimensions, {caption.Dim} expected");
        }

        void AddCaption(ClassPrompt[] classes, CaptionEncoding caption, Tensor rows, IReadOnlyList<IReadOnlyList<int>> slots)
        {
            // Between start and end, neighbours, one class after the other.
            var ordered = slots.SelectMany(c => c).ToArray();
            if (rows.shape[0] < 3 || slots.Any(c => c.Count == 0 || c[^1] - c[0] != c.Count - 1) || ordered[0] < 1 || ordered[^1] > rows.shape[0] - 2 || !ordered.SequenceEqual(ordered.Distinct().Order()))
                throw Damaged($"its caption has shape [{string.Join(",", rows.shape)}], which does not suit {classes.Length} classes in the slots {string.Join(" ", slots.Select(c => $"[{string.Join(",", c)}]"))}");
            // All slots are seen but, in some models, the start and the end.
            var mask = cat([caption.Mask.narrow(1, 0, 1), ones([1, rows.shape[0] - 2], ScalarType.Int64, caption.Mask.device), caption.Mask.narrow(1, caption.Length - 1, 1)], 1);
            using var whole = new CaptionEncoding(rows.to(_detector.Device).clone().unsqueeze(0), mask, slots);
            using var written = new CaptionPrompt(whole);
            Add([.. classes.Select(c => c.Name)], written);
        }

        void AddClasses(ClassPrompt[] classes, CaptionEncoding caption, IReadOnlyList<Tensor> vectors)
        {
            using var prompt = new ClassSlotsPrompt(caption, vectors);
            Add([.. classes.Select(c => c.Name)], prompt);
        }

        ConesException Damaged(string why) => new($"{path} is damaged: {why}");
    }

    void Add(IReadOnlyList<string> names, IDetectionPrompt prompt)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var built = prompt.Build([0]);
        _parts.Add(new Part(
            _names.Count,
            new Conditioning { Embeddings = built.Embeddings.detach().clone().DetachFromDisposeScope(), Mask = built.Mask!.clone().DetachFromDisposeScope() },
            prompt.Classes));
        _names.AddRange(names);
    }

    sealed record Part(int First, Conditioning Conditioning, IReadOnlyList<IReadOnlyList<int>> Slots);
}
