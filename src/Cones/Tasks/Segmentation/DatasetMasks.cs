using Cones.Data;
using Cones.Data.Coco;
using Cones.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>Finds masks on the images of a data set, as results of its classes.</summary>
public static class DatasetMasks
{
    /// <summary>The masks, image after image; those of classes that the data set does not name are left out.</summary>
    /// <param name="finder">The finder; not owned.</param>
    /// <param name="features">The images' features; not owned.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="boxes">The boxes that ask for masks on an image, or null where the classes' tokens alone ask.</param>
    /// <exception cref="ConesException">An image cannot be read.</exception>
    public static IEnumerable<CocoResult> Find(MaskFinder finder, ImageFeatures features, DetectionDataset dataset, Func<DatasetImage, IReadOnlyList<PromptBox>?> boxes)
    {
        var ids = dataset.Categories.GroupBy(c => c.Name).ToDictionary(g => g.Key, g => g.First().Id);
        foreach (var image in dataset.Images)
        {
            foreach (var found in Find(finder, features, image, boxes(image)))
            {
                if (!ids.TryGetValue(found.Name, out var id)) continue;
                // Without a box, so that areas are those of the masks, as pycocotools takes them.
                yield return new CocoResult { ImageId = image.Id, CategoryId = id, Score = found.Score, Segmentation = Cones.Data.Masks.Segmentation.FromMask(found.Mask) };
            }
        }
    }

    /// <summary>The boxes of an image's objects, crowds left out.</summary>
    /// <param name="dataset">The images.</param>
    /// <param name="image">One of them.</param>
    /// <param name="margin">Each side lies outwards by a random share of the box's side, at most this; the shares follow from the image's id.</param>
    public static IReadOnlyList<PromptBox> TrueBoxes(DetectionDataset dataset, DatasetImage image, double margin = 0)
    {
        DatasetAnnotation[] objects = [.. image.Annotations.Where(a => !a.IsCrowd)];
        var boxes = LooseBoxes.Of([.. objects.Select(a => a.Box)], margin, image.Size, LooseBoxes.SeedOf(image.Id));
        return [.. objects.Zip(boxes, (a, box) => new PromptBox(dataset.Categories[dataset.CategoryIndex(a.CategoryId)].Name, 1, box))];
    }

    static IReadOnlyList<FoundMask> Find(MaskFinder finder, ImageFeatures features, DatasetImage image, IReadOnlyList<PromptBox>? boxes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var path = image.Path ?? throw new ConesException($"the folder of image {image.Id} ({image.FileName}) is not known: name it (--images)");
        return finder.Find(features.Of(SegmentationImage.FromFile(path)), image.Size, boxes, threshold: 0);
    }
}
