using Cones.Data;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>What one micro-batch asks for: a picture, and the objects of it.</summary>
/// <param name="Image">The picture.</param>
/// <param name="Classes">The class of each prompt; a single one where one prompt finds all its objects.</param>
/// <param name="Targets">The objects.</param>
/// <param name="Truth">What should be found, object by object.</param>
public sealed record SegmentationSample(SegmentationImage Image, IReadOnlyList<int> Classes, IReadOnlyList<SegmentationTarget> Targets, IReadOnlyList<MaskedObject> Truth);

/// <summary>Draws micro-batches and the frozen evaluation batch. Everything follows from the seed and the number of the draw.</summary>
sealed class SegmentationSampler
{
    // SAM's training (Kirillov et al. 2023, appendix A): a tenth of the side, at most 20 pixels.
    const double BoxNoise = 0.1;
    const double LargestNoise = 20;

    readonly IReadOnlyList<SegmentationExample> _examples;
    readonly int _objects;
    readonly long _seed;
    readonly bool _noise;
    readonly double _margin;
    readonly (int Example, int Class)[] _views;

    /// <param name="examples">The pictures.</param>
    /// <param name="perObject">Whether every object has a prompt; else a class has one.</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="objects">The most prompts of a picture.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="noise">Whether boxes are moved a little.</param>
    /// <param name="margin">How loose boxes are made (<see cref="LooseBoxes"/>), also those of the frozen batch.</param>
    public SegmentationSampler(IReadOnlyList<SegmentationExample> examples, bool perObject, int classes, int objects, long seed, bool noise, double margin = 0)
    {
        (_examples, _objects, _seed, _noise, _margin) = (examples, objects, seed, noise, margin);
        _views = [.. Enumerable.Range(0, examples.Count).SelectMany(e => perObject ? [(e, -1)] : Classes(e, classes))];
    }

    /// <summary>The number of views, each of which comes once before one comes again.</summary>
    public int Views => _views.Length;

    /// <summary>The micro-batch of a draw.</summary>
    public SegmentationSample Draw(long draw)
    {
        var view = Permutation(_views.Length, "order", draw / _views.Length)[draw % _views.Length];
        return Sample((int)view, "objects", draw, _noise);
    }

    /// <summary>The frozen evaluation batch: every view, with the same objects each time.</summary>
    public IEnumerable<SegmentationSample> Frozen() => Enumerable.Range(0, _views.Length).Select(v => Sample(v, "evaluation_objects", v, noise: false));

    // What a picture shows, and one class that it does not show, so that nothing is said to be there everywhere.
    IEnumerable<(int Example, int Class)> Classes(int example, int classes)
    {
        var shown = _examples[example].Targets.Select(t => t.Class).Distinct().Order().ToArray();
        int[] absent = [.. Enumerable.Range(0, classes).Except(shown)];
        if (absent.Length > 1) absent = [absent[Permutation(absent.Length, "absent", example)[0]]];
        return shown.Concat(absent).Select(c => (example, c));
    }

    SegmentationSample Sample(int view, string stream, long draw, bool noise)
    {
        var (number, which) = _views[view];
        var example = _examples[number];
        if (which >= 0) return new SegmentationSample(example.Image, [which], [.. example.Targets.Where(t => t.Class == which)], [.. example.Objects.Where(o => o.Class == which)]);
        int[] chosen = [.. Permutation(example.Targets.Count, stream, draw).Take(_objects).Select(i => (int)i)];
        SegmentationTarget[] targets = [.. chosen.Select(i => example.Targets[i])];
        // Without boxes a target holds all objects of its class.
        MaskedObject[] truth = targets[0].Prompt is not null
            ? [.. chosen.Select(i => example.Objects[i])]
            : [.. example.Objects.Where(o => targets.Any(t => t.Class == o.Class))];
        if (_margin > 0) targets = Loosened(targets, example, stream, draw);
        if (noise) targets = Moved(targets, example, draw);
        return new SegmentationSample(example.Image, [.. targets.Select(t => t.Class)], targets, truth);
    }

    SegmentationTarget[] Loosened(SegmentationTarget[] targets, SegmentationExample example, string stream, long draw)
    {
        if (targets.Any(t => t.Prompt is null)) return targets;
        var boxes = LooseBoxes.Of([.. targets.Select(t => t.Prompt!.Value)], _margin, example.Image.Size, SeedSequence.Derive(_seed, stream + "_margin", draw));
        return [.. targets.Zip(boxes, (t, b) => t with { Prompt = b })];
    }

    SegmentationTarget[] Moved(SegmentationTarget[] targets, SegmentationExample example, long draw)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(SeedSequence.Derive(_seed, "box_noise", draw), CPU);
        var noise = randn([targets.Length, 4], generator: generator).data<float>().ToArray();
        return [.. targets.Select((t, i) => t.Prompt is not { } box ? t : t with { Prompt = Moved(box, noise.AsSpan(4 * i, 4), example.Image) })];
    }

    static BoundingBox Moved(BoundingBox box, ReadOnlySpan<float> noise, SegmentationImage image)
    {
        var (x, y) = (Math.Min(BoxNoise * box.Width, LargestNoise), Math.Min(BoxNoise * box.Height, LargestNoise));
        var moved = BoundingBox.FromCorners(box.X + (x * noise[0]), box.Y + (y * noise[1]), box.Right + (x * noise[2]), box.Bottom + (y * noise[3])).ClipTo(image.Size.Width, image.Size.Height);
        return moved.HasExtent ? moved : box;
    }

    long[] Permutation(int count, string stream, long draw)
    {
        using var generator = new Generator(SeedSequence.Derive(_seed, stream, draw), CPU);
        using var order = randperm(count, ScalarType.Int64, generator: generator);
        return order.data<long>().ToArray();
    }
}
