using System.Globalization;

namespace Cones.Search.EarlyStopping;

/// <summary>Decides from all evaluation losses so far whether a search is done. It has no state of its own.</summary>
public static class EarlyStopRule
{
    /// <summary>Why the search should stop now, in one sentence with numbers; null to go on.</summary>
    /// <param name="options">Rule and limits.</param>
    /// <param name="losses">The finite evaluation losses from the first on.</param>
    public static string? Reason(EarlyStopOptions options, IReadOnlyList<double> losses)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(losses);
        if (losses.Count < options.MinimumEvaluations) return null;
        return options.Name switch
        {
            EarlyStopKind.Variance => Variance(options, losses),
            EarlyStopKind.Plateau => Plateau(options, losses),
            _ => null,
        };
    }

    /// <summary>The same for evaluations with a score: a plateau is one of scores (equal ones told apart by their losses), the variance that of the losses.</summary>
    /// <param name="options">Rule and limits.</param>
    /// <param name="evaluations">The finite evaluations from the first on.</param>
    public static string? Reason(EarlyStopOptions options, IReadOnlyList<SearchEvaluation> evaluations)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(evaluations);
        if (options.Name != EarlyStopKind.Plateau || evaluations.Count == 0 || evaluations[0].Score is null) return Reason(options, [.. evaluations.Select(e => e.Loss)]);
        if (evaluations.Count < options.MinimumEvaluations) return null;
        var (best, since) = (evaluations[0], 0);
        foreach (var next in evaluations.Skip(1))
        {
            since = next.IsBetterThan(best) && !(next.Score > best.Score && next.Score <= best.Score + options.MinimumDelta) ? 0 : since + 1;
            if (since == 0) best = next;
        }

        return since >= options.Patience ? string.Create(CultureInfo.InvariantCulture, $"{since} evaluations brought no score above {best.Score:g6}") : null;
    }

    /// <summary>
    /// The variance of the last <paramref name="window"/> losses as a share of the variance of all; population variances.
    /// 0 where nothing varies at all, 1 where there are no more losses than the window.
    /// </summary>
    public static double VarianceRatio(IReadOnlyList<double> losses, int window)
    {
        ArgumentNullException.ThrowIfNull(losses);
        if (losses.Count <= window) return 1;
        var all = PopulationVariance(losses, 0);
        return all == 0 ? 0 : PopulationVariance(losses, losses.Count - window) / all;
    }

    static string? Variance(EarlyStopOptions options, IReadOnlyList<double> losses)
    {
        if (losses.Count <= options.Window) return null;
        var ratio = VarianceRatio(losses, options.Window);
        return ratio < options.Threshold
            ? string.Create(CultureInfo.InvariantCulture, $"the last {options.Window} of {losses.Count} evaluation losses have {ratio:g3} of the variance of all, below {options.Threshold:g3}")
            : null;
    }

    static string? Plateau(EarlyStopOptions options, IReadOnlyList<double> losses)
    {
        var best = double.PositiveInfinity;
        var since = 0;
        foreach (var loss in losses)
        {
            since = loss < best - options.MinimumDelta ? 0 : since + 1;
            if (since == 0) best = loss;
        }

        return since >= options.Patience
            ? string.Create(CultureInfo.InvariantCulture, $"{since} evaluations brought no loss below {best:g6}")
            : null;
    }

    static double PopulationVariance(IReadOnlyList<double> values, int start)
    {
        var count = values.Count - start;
        double mean = 0, sum = 0;
        for (var i = start; i < values.Count; i++) mean += values[i];
        mean /= count;
        for (var i = start; i < values.Count; i++) sum += (values[i] - mean) * (values[i] - mean);
        return sum / count;
    }
}
