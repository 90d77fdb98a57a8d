using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cones.Data;
using Cones.Data.Masks;
using Cones.Models;
using Cones.Prompts.Detection;

namespace Cones.Tasks.Segmentation;

/// <summary>A picture and the objects that are to be found on it.</summary>
/// <param name="Image">The picture.</param>
/// <param name="Targets">The objects of the classes that are searched.</param>
/// <param name="Objects">The same objects one by one with their masks in the picture's pixels, in the order of the targets where each has a prompt.</param>
public sealed record SegmentationExample(SegmentationImage Image, IReadOnlyList<SegmentationTarget> Targets, IReadOnlyList<MaskedObject> Objects);

/// <summary>The pictures of a data set as a search sees them.</summary>
/// <param name="Items">The pictures; mirrored ones follow their originals.</param>
/// <param name="Digest">SHA-256 of files, masks and boxes, 64 hexadecimal digits.</param>
/// <param name="Warnings">What was left out and why, one sentence each.</param>
public sealed record SegmentationExamples(IReadOnlyList<SegmentationExample> Items, string Digest, IReadOnlyList<string> Warnings)
{
    // A found box belongs to the object that it overlaps by at least this much.
    const double LeastOverlap = 0.5;

    /// <summary>Prepares the pictures of a data set; none is decoded.</summary>
    /// <param name="segmenter">The segmenter.</param>
    /// <param name="dataset">The pictures.</param>
    /// <param name="classes">The classes; objects of others are left out.</param>
    /// <param name="source">Where boxes come from.</param>
    /// <param name="found">The boxes of each image id, for <see cref="BoxSource.Found"/>.</param>
    /// <param name="flip">Whether mirrored pictures are added.</param>
    /// <exception cref="ConesException">An image cannot be read, or nothing is left to search with.</exception>
    public static SegmentationExamples Create(
        ISegmenter segmenter, DetectionDataset dataset, IReadOnlyList<ClassPrompt> classes, BoxSource source,
        IReadOnlyDictionary<long, IReadOnlyList<PromptBox>>? found, bool flip)
    {
        var (items, counts) = (new List<SegmentationExample>(), new LeftOut());
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var image in dataset.Images)
        {
            var path = image.Path ?? throw new ConesException($"the folder of image {image.Id} ({image.FileName}) is not known: name it (--images)");
            var picture = new SegmentationImage(path, image.Size, Flipped: false, SegmentationImage.HashOf(path));
            var objects = Objects(dataset, image, classes, counts);
            if (source == BoxSource.Found) objects = Matched(objects, found?.GetValueOrDefault(image.Id) ?? [], classes, counts);
            digest.AppendData(Encoding.UTF8.GetBytes(picture.ContentHash + "\n"));
            foreach (var o in objects)
                digest.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{classes[o.Class].Name}:{o.Prompt.X:r},{o.Prompt.Y:r},{o.Prompt.Width:r},{o.Prompt.Height:r}:{o.Mask.ToCompressed()}\n")));
            // Where a box asks, a picture without objects asks for nothing.
            if (objects.Count == 0 && segmenter.PromptsAreObjects) continue;
            items.Add(new SegmentationExample(picture, Targets(segmenter, image, objects, source), Masked(objects)));
            if (!flip) continue;
            var mirrored = objects.Select(o => o with { Mask = Mirror(o.Mask), Prompt = o.Prompt with { X = image.Width - o.Prompt.Right } }).ToArray();
            items.Add(new SegmentationExample(picture with { Flipped = true }, Targets(segmenter, image, mirrored, source), Masked(mirrored)));
        }

        if (items.Sum(i => i.Targets.Count) == 0)
            throw new ConesException($"no image shows an object with a mask{(source == BoxSource.Found ? " that a box was found for" : "")}: {string.Join("; ", counts.Sentences().DefaultIfEmpty("the data names none of the classes"))}");
        return new SegmentationExamples(items, Convert.ToHexStringLower(digest.GetHashAndReset()), [.. counts.Sentences()]);
    }

    static List<Item> Objects(DetectionDataset dataset, DatasetImage image, IReadOnlyList<ClassPrompt> classes, LeftOut counts)
    {
        var places = classes.Select((c, i) => (c.Name, i)).ToDictionary(p => p.Name, p => p.i);
        var objects = new List<Item>();
        foreach (var annotation in image.Annotations)
        {
            if (annotation.IsCrowd || !places.TryGetValue(dataset.Categories[dataset.CategoryIndex(annotation.CategoryId)].Name, out var place)) continue;
            if (annotation.Segmentation is null) counts.WithoutMask++;
            else if (annotation.Segmentation.ToMask(image.Height, image.Width) is { Area: > 0 } mask) objects.Add(new Item(place, mask, mask.Box));
            else counts.Empty++;
        }

        return objects;
    }

    // Each box goes to one object, those that overlap most first.
    static List<Item> Matched(List<Item> objects, IReadOnlyList<PromptBox> boxes, IReadOnlyList<ClassPrompt> classes, LeftOut counts)
    {
        var pairs =
            from o in Enumerable.Range(0, objects.Count)
            from b in Enumerable.Range(0, boxes.Count)
            where boxes[b].Name == classes[objects[o].Class].Name
            let overlap = boxes[b].Box.Iou(objects[o].Mask.Box)
            where overlap >= LeastOverlap
            orderby overlap descending
            select (Object: o, Box: b);
        var (prompts, taken) = (new Dictionary<int, BoundingBox>(), new HashSet<int>());
        foreach (var (o, b) in pairs)
            if (!prompts.ContainsKey(o) && taken.Add(b)) prompts[o] = boxes[b].Box;
        counts.NotFound += objects.Count - prompts.Count;
        return [.. objects.Select((item, i) => (item, i)).Where(p => prompts.ContainsKey(p.i)).Select(p => p.item with { Prompt = prompts[p.i] })];
    }

    static SegmentationTarget[] Targets(ISegmenter segmenter, DatasetImage image, IReadOnlyList<Item> objects, BoxSource source)
    {
        var grid = segmenter.GridOf(image.Size);
        if (segmenter.PromptsAreObjects && source == BoxSource.None)
            return [.. objects.GroupBy(o => o.Class).OrderBy(g => g.Key).Select(g => RleMask.Merge([.. g.Select(o => o.Mask)]) is var all ? new SegmentationTarget(g.Key, all.Box, MaskPatch.Of(all, grid)) : null!)];
        return [.. objects.Select(o => new SegmentationTarget(o.Class, o.Mask.Box, MaskPatch.Of(o.Mask, grid)) { Prompt = o.Prompt })];
    }

    static MaskedObject[] Masked(IEnumerable<Item> objects) => [.. objects.Select(o => new MaskedObject(o.Class, o.Mask))];

    static RleMask Mirror(RleMask mask) => Cones.Data.Masks.Segmentation.FromMask(mask).FlipHorizontal(new(mask.Height, mask.Width)).Mask!;

    sealed record Item(int Class, RleMask Mask, BoundingBox Prompt);

    sealed class LeftOut
    {
        public int WithoutMask { get; set; }

        public int Empty { get; set; }

        public int NotFound { get; set; }

        public IEnumerable<string> Sentences()
        {
            if (WithoutMask > 0) yield return $"{WithoutMask} objects have no mask and are left out";
            if (Empty > 0) yield return $"{Empty} objects have an empty mask and are left out";
            if (NotFound > 0) yield return $"for {NotFound} objects no box was found (overlap of at least {LeastOverlap}) and they are left out";
        }
    }
}
