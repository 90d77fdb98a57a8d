using Cones.Data.Coco;
using Cones.Evaluation.Coco;

namespace Cones.Tasks.Detection;

/// <summary>How well a prompt does on images.</summary>
/// <param name="Loss">The mean loss.</param>
/// <param name="Ap">COCO's average precision of the searched classes, 0 to 1; null where it was not asked for.</param>
public sealed record Judgement(double Loss, double? Ap)
{
    // Steps of one AP are told apart by their loss: until something is found at all, it alone falls.
    const double LossShare = 1e-6;

    /// <summary>What a search makes smaller: the loss, or 1 - AP.</summary>
    public double Value => Ap is { } ap ? 1 - ap + (LossShare * Loss / (1 + Loss)) : Loss;

    /// <summary>COCO's average precision of what was found, over the classes of the examples only.</summary>
    public static double ApOf(DetectionExamples examples, IReadOnlyList<CocoResult> found)
    {
        var ids = CategoryIds(examples);
        return CocoEvaluator.Evaluate(examples.Dataset, found, options: new CocoEvalOptions { CategoryIds = [.. ids.Order()] }).Stats.AP;
    }

    /// <summary>The data's id of each class.</summary>
    public static IReadOnlyList<long> CategoryIds(DetectionExamples examples) =>
        [.. examples.Classes.Select(c => examples.Dataset.Categories.First(k => k.Name == c.Name).Id)];
}
