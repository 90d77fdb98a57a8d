using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using Cones.Prompts.Detection;

namespace Cones.Tasks.Segmentation;

/// <summary>COCO's average precision of masks on the frozen evaluation batch, whose samples count as images of their own.</summary>
sealed class SegmentationScore
{
    readonly DetectionDataset _truth;

    /// <summary>A score.</summary>
    /// <param name="samples">The evaluation batch.</param>
    /// <param name="classes">The classes.</param>
    public SegmentationScore(IReadOnlyList<SegmentationSample> samples, IReadOnlyList<ClassPrompt> classes)
    {
        var id = 0L;
        _truth = new DetectionDataset(
            [.. classes.Select((c, i) => new DatasetCategory(i, c.Name))],
            [.. samples.Select((s, i) => new DatasetImage
            {
                Id = i,
                FileName = Path.GetFileName(s.Image.Path),
                Width = s.Image.Size.Width,
                Height = s.Image.Size.Height,
                Annotations = [.. s.Truth.Select(o => new DatasetAnnotation
                {
                    Id = ++id,
                    CategoryId = o.Class,
                    Box = o.Mask.Box,
                    Area = o.Mask.Area,
                    Segmentation = Cones.Data.Masks.Segmentation.FromMask(o.Mask),
                })],
            })]);
    }

    /// <summary>AP at IoU 0.50:0.95, 0 to 1.</summary>
    /// <param name="found">For each sample what was found, with the class in place of the prompt's row.</param>
    public double Ap(IReadOnlyList<IReadOnlyList<SegmentedObject>> found)
    {
        CocoResult[] results =
        [
            .. found.SelectMany((objects, sample) => objects.Select(o =>
                new CocoResult { ImageId = sample, CategoryId = o.Prompt, Score = o.Score, Segmentation = Cones.Data.Masks.Segmentation.FromMask(o.Mask) })),
        ];
        return CocoEvaluator.Evaluate(_truth, results, CocoIouType.Segm).Stats.AP;
    }
}
