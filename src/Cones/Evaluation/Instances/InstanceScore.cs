using Cones.Data.Instances;
using Cones.Data.Masks;
using Cones.Evaluation.Coco;

namespace Cones.Evaluation.Instances;

/// <summary>How well the masks found on an image fit the true ones, without regard to scores.</summary>
/// <param name="Precision">
/// The score of the 2018 Data Science Bowl: hits / (hits + wrong masks + missed objects), the mean over the overlaps 0.50, 0.55, ..., 0.95 that
/// make a hit.
/// </param>
/// <param name="Precision50">The same for an overlap of 0.5 alone.</param>
/// <param name="Dice">Twice the common pixels of all masks together by the sum of both; 1 where there is neither.</param>
public sealed record InstanceScore(double Precision, double Precision50, double Dice)
{
    const int Thresholds = 10;

    /// <summary>The score of an image.</summary>
    /// <param name="found">The masks, the surest first: a pixel of several belongs to the first of them, as the competition demands.</param>
    /// <param name="truths">The true masks of the same size.</param>
    /// <exception cref="ArgumentException">Sizes differ.</exception>
    public static InstanceScore Of(IReadOnlyList<RleMask> found, IReadOnlyList<RleMask> truths)
    {
        ArgumentNullException.ThrowIfNull(found);
        ArgumentNullException.ThrowIfNull(truths);
        if (found.Count == 0 && truths.Count == 0) return new InstanceScore(1, 1, 1);
        if (found.Count == 0 || truths.Count == 0) return new InstanceScore(0, 0, 0);
        var apart = Apart(found);
        var overlaps = CocoOverlap.Masks(apart, truths, new bool[truths.Count]);
        var precisions = Enumerable.Range(0, Thresholds).Select(t => ShareOfHits(overlaps, apart.Count, truths.Count, 0.5 + (0.05 * t))).ToArray();
        return new InstanceScore(precisions.Average(), precisions[0], DiceOf(RleMask.Merge(apart), RleMask.Merge(truths)));
    }

    /// <summary>The means over images.</summary>
    public static InstanceScore Mean(IReadOnlyCollection<InstanceScore> scores) => scores.Count == 0
        ? new InstanceScore(double.NaN, double.NaN, double.NaN)
        : new InstanceScore(scores.Average(s => s.Precision), scores.Average(s => s.Precision50), scores.Average(s => s.Dice));

    // Above an overlap of a half, between masks that have no pixel in common with each other, a mask hits one object at most.
    static double ShareOfHits(double[] overlaps, int found, int truths, double threshold)
    {
        var hit = new bool[truths];
        var hits = 0;
        for (var f = 0; f < found; f++)
        {
            for (var t = 0; t < truths; t++)
            {
                if (hit[t] || !(overlaps[(f * truths) + t] > threshold)) continue;
                hit[t] = true;
                hits++;
                break;
            }
        }

        return (double)hits / (found + truths - hits);
    }

    static double DiceOf(RleMask a, RleMask b)
    {
        var common = RleMask.Merge([a, b], intersect: true).Area;
        return 2.0 * common / (a.Area + b.Area);
    }

    // Masks that share no pixel; those of which nothing is left are gone.
    static IReadOnlyList<RleMask> Apart(IReadOnlyList<RleMask> masks)
    {
        if (masks.Count > ushort.MaxValue) masks = [.. masks.Take(ushort.MaxValue)];
        return [.. LabelMasks.Split(LabelMasks.Join(masks[0].Width, masks[0].Height, masks)).Select(m => m.Mask)];
    }
}
