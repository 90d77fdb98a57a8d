using Cones.Concepts;
using Cones.Models;
using Cones.Prompts;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>The concepts of a file as a caption of a detector.</summary>
public sealed class StoredConcept : IDisposable
{
    readonly ConceptFile _file;
    readonly CaptionEncoding _caption;

    StoredConcept(string path, ConceptFile file, CaptionEncoding caption, IDetector detector)
    {
        (Path, _file, _caption, Detector) = (path, file, caption, detector);
        Names = [.. file.Metadata.Classes.Select(c => c.Name)];
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The detector with the captions that the classes were searched in.</summary>
    public IDetector Detector { get; }

    /// <summary>Where the concepts come from, with the classes.</summary>
    public ConceptMetadata Metadata => _file.Metadata;

    /// <summary>The classes.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Whether the file has a whole caption instead of vectors for each class.</summary>
    public bool IsWhole => Metadata.SlotRule == SlotRule.FullWithStart;

    /// <summary>Reads a file and encodes what it leaves to the model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="detector">The detector.</param>
    /// <param name="model">The model's name, for messages.</param>
    /// <exception cref="ConesException">The file cannot be read, or belongs to another model or task.</exception>
    public static StoredConcept Load(string path, IDetector detector, string model)
    {
        var file = LoadFile(path);
        try
        {
            file.RequireModel(path, detector.Fingerprint, model);
            using var scope = NewDisposeScope();
            var runner = CaptionChunks.For(detector, file.Metadata.Captions);
            using var names = runner.EncodeCaption(file.Metadata.Classes);
            var caption = file.Metadata.SlotRule == SlotRule.FullWithStart ? Whole(path, file, names, detector) : names.Copy();
            return new StoredConcept(path, file, caption, runner);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a file without a model.</summary>
    /// <exception cref="ConesException">It cannot be read, or was searched for another task.</exception>
    public static ConceptFile LoadFile(string path)
    {
        var file = ConceptFile.Load(path);
        var metadata = file.Metadata;
        var problem = metadata.Task != "detection"
            ? $"{path} was searched for {metadata.Task}, not for detection: name a concept of `cones search detection` (--concept)"
            : metadata.Classes.Count == 0 ? Damaged(path, "it names no classes").Message
            : metadata.Captions.Count > 0 && (metadata.Captions.Any(n => n < 1) || metadata.Captions.Sum() != metadata.Classes.Count) ? Damaged(path, $"its captions of {string.Join(" + ", metadata.Captions)} classes are not of {metadata.Classes.Count}").Message : null;
        if (problem is null) return file;
        file.Dispose();
        throw new ConesException(problem);
    }

    /// <summary>The prompt that the file makes.</summary>
    /// <param name="normBound">As in <see cref="ClassSlotsPrompt"/>.</param>
    public IDetectionPrompt CreatePrompt(double normBound = 0)
    {
        if (IsWhole) return new CaptionPrompt(_caption);
        var vectors = Names.Select(n => Find(n) ?? throw Damaged(Path, $"the vectors of '{n}' are missing")).ToArray();
        var background = BackgroundSlots.Find(Names, Find);
        if (vectors.Concat(background.Vectors).FirstOrDefault(v => v.shape[1] != _caption.Dim) is { } wrong)
            throw Damaged(Path, $"vectors have {wrong.shape[1]} dimensions, {_caption.Dim} expected");
        if (background.Kind == BackgroundKind.Caption && background.Vectors[0].shape[0] != _caption.Others.Count)
            throw Damaged(Path, $"it has vectors of {background.Vectors[0].shape[0]} slots between classes, {_caption.Others.Count} expected");
        return new ClassSlotsPrompt(_caption, vectors, background, normBound);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        _caption.Dispose();
    }

    Tensor? Find(string name) => _file.Concepts.FirstOrDefault(c => c.Name == name)?.Embeddings;

    static CaptionEncoding Whole(string path, ConceptFile file, CaptionEncoding names, IDetector detector)
    {
        var (rows, slots, classes) = (file.Concepts[0].Embeddings, file.Metadata.ClassSlots, file.Metadata.Classes.Count);
        var ordered = slots.SelectMany(c => c).ToArray();
        if (rows.shape[0] < 3 || ordered.Length == 0 || ordered[0] < 1 || ordered[^1] > rows.shape[0] - 2 || !ordered.SequenceEqual(ordered.Distinct().Order()) || rows.shape[1] != names.Dim || slots.Count != classes || slots.Any(c => c.Count == 0 || c.Any(s => s < 0 || s >= rows.shape[0]) || c[^1] - c[0] != c.Count - 1))
            throw Damaged(path, $"its caption has shape [{string.Join(",", rows.shape)}], which does not suit {classes} classes of {names.Dim} dimensions");
        // All slots are seen but, in some models, the start and the end.
        var mask = cat([names.Mask.narrow(1, 0, 1), ones([1, rows.shape[0] - 2], ScalarType.Int64, names.Mask.device), names.Mask.narrow(1, names.Length - 1, 1)], 1);
        return new CaptionEncoding(rows.to(detector.Device).clone().unsqueeze(0), mask, slots);
    }

    static ConesException Damaged(string path, string why) => new($"{path} is damaged: {why}");
}
