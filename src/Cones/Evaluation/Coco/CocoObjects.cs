using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Masks;
using Cones.Models;

namespace Cones.Evaluation.Coco;

/// <summary>Objects of the ground truth or detections in one order, their values in arrays.</summary>
sealed class CocoObjects(int count)
{
    internal int Count { get; } = count;

    /// <summary>Annotation ids; of detections their number from 1 in the order of the list.</summary>
    internal long[] Ids { get; } = new long[count];

    internal BoundingBox[] Boxes { get; } = new BoundingBox[count];

    internal double[] Areas { get; } = new double[count];

    /// <summary>Scores of detections.</summary>
    internal double[] Scores { get; } = new double[count];

    /// <summary>Crowd marks of the ground truth.</summary>
    internal bool[] Crowd { get; } = new bool[count];

    /// <summary>Masks, where masks are compared.</summary>
    internal RleMask?[] Masks { get; } = new RleMask?[count];

    /// <summary>Places in the list of images that take part.</summary>
    internal int[] Images { get; } = new int[count];

    /// <summary>Places in the list of classes that take part.</summary>
    internal int[] Categories { get; } = new int[count];

    /// <summary>The ground truth.</summary>
    /// <param name="items">Each annotation that takes part, with the places of its image and class.</param>
    /// <param name="type">What is compared.</param>
    /// <exception cref="ConesException">Masks are compared and an annotation has none.</exception>
    internal static CocoObjects OfGroundTruth(IReadOnlyList<(DatasetAnnotation Annotation, DatasetImage Image, int ImageIndex, int Category)> items, CocoIouType type)
    {
        var objects = new CocoObjects(items.Count);
        Parallel.For(0, items.Count, i =>
        {
            var (annotation, image, imageIndex, category) = items[i];
            objects.Ids[i] = annotation.Id;
            objects.Boxes[i] = annotation.Box;
            objects.Areas[i] = annotation.Area;
            objects.Crowd[i] = annotation.IsCrowd;
            objects.Images[i] = imageIndex;
            objects.Categories[i] = category;
            if (type == CocoIouType.Segm) objects.Masks[i] = annotation.Segmentation?.ToMask(image.Height, image.Width);
        });
        if (type == CocoIouType.Segm && Array.IndexOf(objects.Masks, null) is >= 0 and var missing)
            throw new ConesException($"annotation {objects.Ids[missing]} has no mask: masks can only be evaluated where every annotation has one");
        return objects;
    }

    /// <summary>
    /// Detections as pycocotools' <c>loadRes</c> completes them. The first decides for all: where it has a box, areas are those of the
    /// boxes and a missing mask is the box; else boxes and areas are those of the masks.
    /// </summary>
    /// <param name="items">Each detection that takes part, with its number from 1, and the places of its image and class.</param>
    /// <param name="type">What is compared.</param>
    /// <param name="byBox">Whether the first detection of the whole list has a box.</param>
    /// <exception cref="ConesException">A detection lacks what the first one has.</exception>
    internal static CocoObjects OfResults(IReadOnlyList<(CocoResult Result, int Number, DatasetImage Image, int ImageIndex, int Category)> items, CocoIouType type, bool byBox)
    {
        foreach (var (result, number, _, _, _) in items)
        {
            if (byBox ? result.Box is not null : result.Segmentation is not null) continue;
            throw new ConesException($"result {number} has no {(byBox ? "bbox" : "segmentation")}, but the first one has: give all results the same fields");
        }

        var objects = new CocoObjects(items.Count);
        Parallel.For(0, items.Count, i =>
        {
            var (result, number, image, imageIndex, category) = items[i];
            var mask = byBox && type == CocoIouType.Bbox
                ? null
                : (result.Segmentation ?? Segmentation.FromBox(result.Box!.Value)).ToMask(image.Height, image.Width);
            objects.Ids[i] = number;
            objects.Scores[i] = result.Score;
            objects.Boxes[i] = result.Box ?? mask!.Box;
            objects.Areas[i] = byBox ? result.Box!.Value.Area : mask!.Area;
            objects.Masks[i] = type == CocoIouType.Segm ? mask : null;
            objects.Images[i] = imageIndex;
            objects.Categories[i] = category;
        });
        return objects;
    }
}
