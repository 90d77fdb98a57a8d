namespace Cones.Evaluation.Coco;

/// <summary>Precision over recall of one class, area range, number of detections and threshold.</summary>
/// <remarks>Reference: pycocotools <c>COCOeval.accumulate</c>.</remarks>
static class CocoCurve
{
    // numpy.spacing(1): keeps 0/0 out.
    const double Epsilon = 2.220446049250313e-16;

    /// <summary>Reads precision and score off the curve.</summary>
    /// <param name="outcomes">What each detection counts as, the surest first.</param>
    /// <param name="scores">Their scores.</param>
    /// <param name="truths">Objects to be found, at least 1.</param>
    /// <param name="recallThresholds">R recalls.</param>
    /// <param name="precision">Takes R precisions: the best at this recall or a higher one; 0 where it is not reached.</param>
    /// <param name="scoresAt">Takes R scores from which the recall is reached; 0 where it is not.</param>
    /// <param name="work">Space for two numbers a detection.</param>
    /// <returns>The recall of all detections.</returns>
    internal static double Read(
        ReadOnlySpan<CocoOutcome> outcomes, ReadOnlySpan<double> scores, int truths, IReadOnlyList<double> recallThresholds,
        Span<double> precision, Span<double> scoresAt, Span<double> work)
    {
        var count = outcomes.Length;
        var recalls = work[..count];
        var precisions = work.Slice(count, count);
        int right = 0, wrong = 0;
        for (var i = 0; i < count; i++)
        {
            if (outcomes[i] == CocoOutcome.TruePositive) right++;
            else if (outcomes[i] == CocoOutcome.FalsePositive) wrong++;
            recalls[i] = (double)right / truths;
            precisions[i] = right / (wrong + right + Epsilon);
        }

        for (var i = count - 1; i > 0; i--)
            if (precisions[i] > precisions[i - 1]) precisions[i - 1] = precisions[i];

        precision.Clear();
        scoresAt.Clear();
        for (var r = 0; r < recallThresholds.Count; r++)
        {
            var at = FirstAtLeast(recalls, recallThresholds[r]);
            // The reference stops at the first recall that is not reached.
            if (at == count) break;
            precision[r] = precisions[at];
            scoresAt[r] = scores[at];
        }

        return count == 0 ? 0 : recalls[^1];
    }

    static int FirstAtLeast(ReadOnlySpan<double> ascending, double value)
    {
        int low = 0, high = ascending.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (ascending[middle] < value) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
