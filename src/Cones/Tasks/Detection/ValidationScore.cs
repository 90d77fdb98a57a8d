using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using Cones.Models.Imaging;
using Cones.Prompts.Detection;

namespace Cones.Tasks.Detection;

/// <summary>COCO's average precision of the searched classes on validation images.</summary>
public sealed class ValidationScore
{
    readonly DetectionDataset _dataset;
    readonly long[] _categories;

    /// <summary>A score.</summary>
    /// <param name="dataset">The images.</param>
    /// <param name="classes">The searched classes; others are not judged.</param>
    public ValidationScore(DetectionDataset dataset, IReadOnlyList<ClassPrompt> classes)
    {
        var ids = dataset.Categories.ToDictionary(c => c.Name, c => c.Id);
        _categories = [.. classes.Select(c => ids[c.Name])];
        _dataset = new DetectionDataset(
            [.. dataset.Categories.Where(c => _categories.Contains(c.Id))],
            [.. dataset.Images.Select(i => i with { Annotations = [.. i.Annotations.Where(a => _categories.Contains(a.CategoryId))] })]);
    }

    /// <summary>The size of an image.</summary>
    public ImageSize SizeOf(int image) => _dataset.Images[image].Size;

    /// <summary>AP at IoU 0.50:0.95 of all classes that the images show, 0 to 1.</summary>
    /// <param name="found">For each image what was found.</param>
    public double Ap(IReadOnlyList<IReadOnlyList<DetectedObject>> found)
    {
        CocoResult[] results =
        [
            .. found.SelectMany((objects, image) => objects.Select(o =>
                new CocoResult { ImageId = _dataset.Images[image].Id, CategoryId = _categories[o.Class], Score = o.Score, Box = o.Box })),
        ];
        return CocoEvaluator.Evaluate(_dataset, results).Stats.AP;
    }
}
