using Cones.Data;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>
/// A detector that takes several captions as if they were one: their slots stand one after the other, each caption with its own start and
/// end, and prompts need not know. An image meets them one by one.
/// </summary>
/// <remarks>
/// A caption begins as many slots before its first class as the first caption does, whatever was learned in place of names, before or
/// behind them: so the classes' slots tell where captions end.
/// </remarks>
class ChunkedDetector : IDetector
{
    /// <summary>A detector of several captions.</summary>
    /// <param name="whole">The detector; not owned.</param>
    /// <param name="sizes">The number of classes in each caption.</param>
    public ChunkedDetector(IDetector whole, IReadOnlyList<int> sizes) => (Whole, Sizes) = (whole, sizes);

    /// <summary>The detector of one caption.</summary>
    public IDetector Whole { get; }

    /// <summary>The number of classes in each caption.</summary>
    public IReadOnlyList<int> Sizes { get; }

    /// <inheritdoc/>
    public string Family => Whole.Family;

    /// <inheritdoc/>
    public string Fingerprint => Whole.Fingerprint;

    /// <inheritdoc/>
    public Device Device => Whole.Device;

    /// <inheritdoc/>
    public int MaxTokens => Whole.MaxTokens * Sizes.Count;

    /// <inheritdoc/>
    public CaptionLayout LayOut(IReadOnlyList<ClassPrompt> classes)
    {
        CaptionLayout[] layouts = [.. Parts(classes).Select(Whole.LayOut)];
        return new CaptionLayout(layouts.Sum(l => l.Length), Shifted([.. layouts.Select(l => (l.Length, l.Classes))]));
    }

    /// <inheritdoc/>
    public CaptionEncoding EncodeCaption(IReadOnlyList<ClassPrompt> classes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var parts = new List<CaptionEncoding>();
        try
        {
            foreach (var part in Parts(classes)) parts.Add(Whole.EncodeCaption(part));
            return new CaptionEncoding(
                cat([.. parts.Select(p => p.Hidden)], 1), cat([.. parts.Select(p => p.Mask)], 1), Shifted([.. parts.Select(p => (p.Length, p.Classes))]),
                parts.All(p => p.Words is not null) ? cat([.. parts.Select(p => p.Words!)], 1) : null);
        }
        finally
        {
            foreach (var part in parts) part.Dispose();
        }
    }

    /// <inheritdoc/>
    public Tensor EncodeWords(Tensor words, IReadOnlyList<IReadOnlyList<int>> classes)
    {
        using var scope = NewDisposeScope();
        return cat([.. Captions(classes, words.shape[1]).Select(c => Whole.EncodeWords(words.narrow(1, c.Start, c.Length), c.Classes))], 1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeImage(RgbImage image) => Whole.EncodeImage(image);

    /// <inheritdoc/>
    public DetectionTargets Assign(IReadOnlyList<Tensor> features, ImageSize size, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes) =>
        ForEach(boxes, classes, (b, c) => Whole.Assign(features, size, b, c));

    /// <summary>The loss with the caption that the targets are of (<see cref="ChunkedExamples"/>), or the mean over all captions.</summary>
    /// <inheritdoc/>
    public Tensor Loss(IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var scope = NewDisposeScope();
        var (parts, only) = (Targets)targets;
        var captions = Captions(classes, conditioning.Embeddings.shape[1]);
        if (only is { } k) return Whole.Loss(features, captions[k].Cut(conditioning), captions[k].Classes, parts[k]).MoveToOuterDisposeScope();
        return stack(captions.Select((c, i) => Whole.Loss(features, c.Cut(conditioning), c.Classes, parts[i]))).mean().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<DetectedObject> Detect(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlySet<int>? wanted = null)
    {
        var found = new List<DetectedObject>();
        foreach (var caption in Captions(classes, conditioning.Embeddings.shape[1]))
        {
            using var scope = NewDisposeScope();
            var own = wanted?.Select(c => c - caption.First).Where(c => c >= 0 && c < caption.Classes.Count).ToHashSet();
            if (own?.Count != 0) found.AddRange(caption.Shift(Whole.Detect(features, size, caption.Cut(conditioning), caption.Classes, own)));
        }

        return [.. found.OrderByDescending(f => f.Score)];
    }

    /// <inheritdoc/>
    public (double Loss, IReadOnlyList<DetectedObject> Found) Judge(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        var (sum, found, captions) = (0.0, new List<DetectedObject>(), Captions(classes, conditioning.Embeddings.shape[1]));
        for (var k = 0; k < captions.Count; k++)
        {
            using var scope = NewDisposeScope();
            var (loss, objects) = Whole.Judge(features, size, captions[k].Cut(conditioning), captions[k].Classes, ((Targets)targets).Parts[k]);
            sum += loss;
            found.AddRange(captions[k].Shift(objects));
        }

        return (sum / captions.Count, [.. found.OrderByDescending(f => f.Score)]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The detector is its owner's.
    }

    /// <summary>The parts of some classes that captions have.</summary>
    protected IEnumerable<IReadOnlyList<ClassPrompt>> Parts(IReadOnlyList<ClassPrompt> classes)
    {
        if (classes.Count != Sizes.Sum()) throw new ArgumentException($"{classes.Count} classes given for captions of {string.Join(" + ", Sizes)}", nameof(classes));
        for (int k = 0, first = 0; k < Sizes.Count; first += Sizes[k++]) yield return [.. classes.Skip(first).Take(Sizes[k])];
    }

    /// <summary>The captions in a row of slots.</summary>
    protected IReadOnlyList<Caption> Captions(IReadOnlyList<IReadOnlyList<int>> classes, long length)
    {
        if (classes.Count != Sizes.Sum() || classes.Any(c => c.Count == 0)) throw new ArgumentException($"slots of {classes.Count} classes given for captions of {string.Join(" + ", Sizes)}", nameof(classes));
        var captions = new List<Caption>();
        var first = 0;
        foreach (var size in Sizes)
        {
            var start = classes[first][0] - classes[0][0];
            var end = first + size < classes.Count ? classes[first + size][0] - classes[0][0] : (int)length;
            captions.Add(new Caption(first, start, end - start, [.. classes.Skip(first).Take(size).Select(c => (IReadOnlyList<int>)[.. c.Select(s => s - start)])]));
            first += size;
        }

        return captions;
    }

    /// <summary>Targets of each caption, from those boxes whose class it has.</summary>
    protected DetectionTargets ForEach(IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes, Func<IReadOnlyList<BoundingBox>, IReadOnlyList<int>, DetectionTargets> assign)
    {
        var parts = new List<DetectionTargets>();
        for (int k = 0, first = 0; k < Sizes.Count; first += Sizes[k++])
        {
            int[] own = [.. Enumerable.Range(0, boxes.Count).Where(i => classes[i] >= first && classes[i] < first + Sizes[k])];
            parts.Add(assign([.. own.Select(i => boxes[i])], [.. own.Select(i => classes[i] - first)]));
        }

        return new Targets(parts, null);
    }

    // The slots of classes of captions that stand one after the other.
    static IReadOnlyList<IReadOnlyList<int>> Shifted(IReadOnlyList<(int Length, IReadOnlyList<IReadOnlyList<int>> Classes)> captions)
    {
        var (all, start) = (new List<IReadOnlyList<int>>(), 0);
        foreach (var (length, classes) in captions)
        {
            var from = start;
            all.AddRange(classes.Select(c => (IReadOnlyList<int>)[.. c.Select(s => s + from)]));
            start += length;
        }

        return all;
    }

    /// <summary>One of several captions.</summary>
    /// <param name="First">The place of its first class.</param>
    /// <param name="Start">Its first slot.</param>
    /// <param name="Length">Its slots.</param>
    /// <param name="Classes">The slots of its classes, within it.</param>
    protected sealed record Caption(int First, int Start, int Length, IReadOnlyList<IReadOnlyList<int>> Classes)
    {
        /// <summary>Its part of the conditioning. Its start and end are seen as those of all are.</summary>
        public Conditioning Cut(Conditioning all) => new()
        {
            Embeddings = all.Embeddings.narrow(1, Start, Length),
            Mask = cat([all.Mask!.narrow(1, 0, 1), all.Mask.narrow(1, Start + 1, Length - 2), all.Mask.narrow(1, all.Mask.shape[1] - 1, 1)], 1),
        };

        /// <summary>Its objects with their classes' places among all.</summary>
        public IEnumerable<DetectedObject> Shift(IEnumerable<DetectedObject> objects) => objects.Select(o => o with { Class = o.Class + First });
    }

    /// <summary>The targets of each caption.</summary>
    /// <param name="Parts">One a caption.</param>
    /// <param name="Only">The caption that is trained with, or null for all.</param>
    internal sealed record Targets(IReadOnlyList<DetectionTargets> Parts, int? Only) : DetectionTargets([.. Parts.SelectMany(p => p.Classes)]);
}
