using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Masks;

namespace Cones.Evaluation.Instances;

/// <summary>The scores of masks without regard to their order: the mean over the images of each class, and over classes.</summary>
/// <param name="All">The mean over classes.</param>
/// <param name="Classes">By the classes' ids.</param>
public sealed record InstanceEvaluation(InstanceScore All, IReadOnlyDictionary<long, InstanceScore> Classes)
{
    /// <summary>Scores a list of results.</summary>
    /// <param name="dataset">The ground truth; crowds and objects without mask are left out.</param>
    /// <param name="results">The results; those without mask are left out.</param>
    /// <param name="threshold">The least score of the results that are judged.</param>
    public static InstanceEvaluation Of(DetectionDataset dataset, IReadOnlyList<CocoResult> results, double threshold)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        var found = results.Where(r => r.Score >= threshold && r.Segmentation is not null).ToLookup(r => (r.ImageId, r.CategoryId));
        var classes = new Dictionary<long, InstanceScore>();
        foreach (var category in dataset.Categories)
        {
            var scores = new InstanceScore?[dataset.Images.Count];
            Parallel.For(0, scores.Length, i => scores[i] = Of(dataset.Images[i], category.Id, found[(dataset.Images[i].Id, category.Id)]));
            if (scores.OfType<InstanceScore>().ToArray() is { Length: > 0 } judged) classes[category.Id] = InstanceScore.Mean(judged);
        }

        return new InstanceEvaluation(InstanceScore.Mean(classes.Values), classes);
    }

    // Null where a class neither is nor is found.
    static InstanceScore? Of(DatasetImage image, long category, IEnumerable<CocoResult> results)
    {
        RleMask[] truths = [.. image.Annotations.Where(a => a.CategoryId == category && !a.IsCrowd).Select(a => a.Segmentation?.ToMask(image.Height, image.Width)).OfType<RleMask>().Where(m => m.Area > 0)];
        RleMask[] found = [.. results.OrderByDescending(r => r.Score).Select(r => r.Segmentation!.ToMask(image.Height, image.Width)).Where(m => m.Area > 0)];
        return truths.Length == 0 && found.Length == 0 ? null : InstanceScore.Of(found, truths);
    }
}
