namespace Cones.Evaluation.Coco;

/// <summary>The curves of one class: every area range, threshold and number of detections.</summary>
/// <param name="detections">The detections.</param>
/// <param name="cells">The cells.</param>
/// <param name="k">The class.</param>
/// <param name="outcomes">What each detection of the class counts as, [area range, threshold, detection] in the order of the cells.</param>
/// <param name="truths">The objects to be found in each area range.</param>
sealed class CocoAccumulator(CocoObjects detections, CocoCells cells, int k, CocoOutcome[] outcomes, int[] truths)
{
    internal void Accumulate(CocoEvaluation evaluation)
    {
        var options = evaluation.Options;
        var (scores, ranks) = Detections();
        var order = new int[scores.Length];
        for (var i = 0; i < order.Length; i++) order[i] = i;
        CocoCells.SortByScore(order, scores);

        var taken = new int[scores.Length];
        var takenScores = new double[scores.Length];
        var sorted = new CocoOutcome[scores.Length];
        var work = new double[2 * scores.Length];
        for (var m = 0; m < evaluation.MaxDetections.Count; m++)
        {
            // The order over all images does not change when each image gives fewer.
            var count = 0;
            foreach (var i in order)
            {
                if (ranks[i] >= evaluation.MaxDetections[m]) continue;
                taken[count] = i;
                takenScores[count++] = scores[i];
            }

            for (var a = 0; a < options.AreaRanges.Count; a++)
            {
                if (truths[a] == 0) continue;
                for (var t = 0; t < options.IouThresholds.Count; t++)
                {
                    var row = outcomes.AsSpan(((a * options.IouThresholds.Count) + t) * scores.Length, scores.Length);
                    for (var i = 0; i < count; i++) sorted[i] = row[taken[i]];
                    evaluation.Set(t, k, a, m, sorted.AsSpan(0, count), takenScores, truths[a], work);
                }
            }
        }
    }

    // Scores, and places within the image, of the class's detections in the order of the cells.
    (double[] Scores, int[] Ranks) Detections()
    {
        var count = 0;
        for (var c = cells.ClassBegin[k]; c < cells.ClassBegin[k + 1]; c++) count += cells.Cells[c].DetectionCount;
        var (scores, ranks) = (new double[count], new int[count]);
        for (int c = cells.ClassBegin[k], i = 0; c < cells.ClassBegin[k + 1]; c++)
        {
            for (var d = 0; d < cells.Cells[c].DetectionCount; d++, i++)
                (scores[i], ranks[i]) = (detections.Scores[cells.Detections[cells.Cells[c].FirstDetection + d]], d);
        }

        return (scores, ranks);
    }
}
