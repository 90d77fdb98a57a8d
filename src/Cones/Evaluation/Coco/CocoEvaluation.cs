namespace Cones.Evaluation.Coco;

/// <summary>Precision, recall and scores over thresholds T, recalls R, classes K, area ranges A and numbers of detections M.</summary>
public sealed class CocoEvaluation
{
    /// <summary>What stands where there is no ground truth.</summary>
    public const double Absent = -1;

    readonly double[] _precision;
    readonly double[] _scores;
    readonly double[] _recall;

    internal CocoEvaluation(CocoEvalOptions options, IReadOnlyList<int> maxDetections, IReadOnlyList<long> categoryIds)
    {
        Options = options;
        MaxDetections = maxDetections;
        CategoryIds = categoryIds;
        var cells = checked(options.IouThresholds.Count * categoryIds.Count * options.AreaRanges.Count * maxDetections.Count);
        _precision = new double[checked(cells * options.RecallThresholds.Count)];
        _scores = new double[_precision.Length];
        _recall = new double[cells];
        Array.Fill(_precision, Absent);
        Array.Fill(_scores, Absent);
        Array.Fill(_recall, Absent);
    }

    /// <summary>The parameters.</summary>
    public CocoEvalOptions Options { get; }

    /// <summary>The classes, in ascending order of id.</summary>
    public IReadOnlyList<long> CategoryIds { get; }

    /// <summary>The numbers of detections, in ascending order.</summary>
    public IReadOnlyList<int> MaxDetections { get; }

    /// <summary>Precision, [T, R, K, A, M] in the order of rows; <see cref="Absent"/> where there is no ground truth.</summary>
    public ReadOnlySpan<double> Precision => _precision;

    /// <summary>The scores from which the recalls are reached, [T, R, K, A, M]; <see cref="Absent"/> where there is no ground truth.</summary>
    public ReadOnlySpan<double> Scores => _scores;

    /// <summary>The recall of all detections, [T, K, A, M]; <see cref="Absent"/> where there is no ground truth.</summary>
    public ReadOnlySpan<double> Recall => _recall;

    /// <summary>COCO's twelve numbers.</summary>
    public CocoStats Stats => CocoStats.Of(this);

    /// <summary>The twelve numbers as the table that COCO's own tool prints.</summary>
    public string ToTable() => Stats.ToTable(this);

    /// <summary>The numbers of one class, at the largest number of detections.</summary>
    /// <param name="categoryId">The class, one of <see cref="CategoryIds"/>.</param>
    /// <exception cref="ArgumentException">The class was not evaluated.</exception>
    public CocoClassStats ClassStats(long categoryId)
    {
        for (var k = 0; k < CategoryIds.Count; k++)
            if (CategoryIds[k] == categoryId) return CocoClassStats.Of(this, k);
        throw new ArgumentException($"class {categoryId} was not evaluated", nameof(categoryId));
    }

    /// <summary>The mean precision over recalls, thresholds and classes; <see cref="Absent"/> where there is no ground truth or no such cell.</summary>
    /// <param name="iou">A threshold of the options, or null for all.</param>
    /// <param name="area">The label of an area range.</param>
    /// <param name="maxDetections">One of <see cref="MaxDetections"/>.</param>
    /// <param name="k">A place in <see cref="CategoryIds"/>, or null for all.</param>
    public double AveragePrecision(double? iou, string area, int maxDetections, int? k = null)
    {
        var recalls = Options.RecallThresholds.Count;
        return Mean(iou, area, maxDetections, k, (t, c, a, m) =>
        {
            double sum = 0;
            var count = 0;
            for (var r = 0; r < recalls; r++)
            {
                var value = _precision[Cell(t, r, c, a, m)];
                if (!(value > Absent)) continue;
                sum += value;
                count++;
            }

            return (sum, count);
        });
    }

    /// <summary>The mean recall over thresholds and classes; <see cref="Absent"/> where there is no ground truth or no such cell.</summary>
    /// <param name="iou">A threshold of the options, or null for all.</param>
    /// <param name="area">The label of an area range.</param>
    /// <param name="maxDetections">One of <see cref="MaxDetections"/>.</param>
    /// <param name="k">A place in <see cref="CategoryIds"/>, or null for all.</param>
    public double AverageRecall(double? iou, string area, int maxDetections, int? k = null) => Mean(iou, area, maxDetections, k, (t, c, a, m) =>
    {
        var value = _recall[Cell(t, c, a, m)];
        return value > Absent ? (value, 1) : (0, 0);
    });

    internal void Set(int t, int k, int a, int m, ReadOnlySpan<CocoOutcome> outcomes, ReadOnlySpan<double> scores, int truths, Span<double> work)
    {
        var recalls = Options.RecallThresholds.Count;
        Span<double> precision = recalls <= 256 ? stackalloc double[recalls] : new double[recalls];
        Span<double> scoresAt = recalls <= 256 ? stackalloc double[recalls] : new double[recalls];
        _recall[Cell(t, k, a, m)] = CocoCurve.Read(outcomes, scores, truths, Options.RecallThresholds, precision, scoresAt, work);
        for (var r = 0; r < recalls; r++) (_precision[Cell(t, r, k, a, m)], _scores[Cell(t, r, k, a, m)]) = (precision[r], scoresAt[r]);
    }

    double Mean(double? iou, string area, int maxDetections, int? k, Func<int, int, int, int, (double Sum, int Count)> values)
    {
        double sum = 0;
        var count = 0;
        for (var t = 0; t < Options.IouThresholds.Count; t++)
        {
            if (iou is { } threshold && Options.IouThresholds[t] != threshold) continue;
            for (var c = k ?? 0; c <= (k ?? CategoryIds.Count - 1); c++)
            {
                for (var a = 0; a < Options.AreaRanges.Count; a++)
                {
                    if (Options.AreaRanges[a].Label != area) continue;
                    for (var m = 0; m < MaxDetections.Count; m++)
                    {
                        if (MaxDetections[m] != maxDetections) continue;
                        var (cellSum, cellCount) = values(t, c, a, m);
                        sum += cellSum;
                        count += cellCount;
                    }
                }
            }
        }

        return count == 0 ? Absent : sum / count;
    }

    int Cell(int t, int k, int a, int m) => (((((t * CategoryIds.Count) + k) * Options.AreaRanges.Count) + a) * MaxDetections.Count) + m;

    int Cell(int t, int r, int k, int a, int m) => Cell((t * Options.RecallThresholds.Count) + r, k, a, m);
}
