using System.Globalization;
using Cones.Cli.Compare.Tasks;
using Cones.Evaluation.Statistics;

namespace Cones.Cli.Compare.Reports;

/// <summary>The tables of scores, costs and tests of a group of runs.</summary>
sealed class ScoreTables(RunGroup group, IComparisonTask task)
{
    /// <summary>The level below which a difference is called one.</summary>
    public const double Level = 0.05;

    const int TestedMetrics = 2;

    IReadOnlyList<Metric> Metrics { get; } = [.. task.Metrics.Where(m => group.Genres.Any(g => group.Values(g, m.Name).Count > 0))];

    /// <summary>A row for each genre: scores as mean ± deviation, costs, n.</summary>
    public ReportTable Scores()
    {
        var bold = Metrics.ToDictionary(m => m.Name, Winner);
        var classes = group.Runs.SelectMany(r => r.Result.Metrics.Keys).Where(k => k.StartsWith(DetectionComparison.ClassPrefix, StringComparison.Ordinal)).Distinct().ToArray();
        string[] columns =
        [
            "genre", .. Metrics.Select(m => $"{m.Title} {(m.Higher == true ? "↑" : "↓")}"), .. classes.Select(c => $"AP of {c[DetectionComparison.ClassPrefix.Length..]} ↑"),
            "steps", "seconds", "a step, ms", "seconds to the best", "numbers learned", "memory MB", "n",
        ];
        return new ReportTable(
            $"{group.Title}: mean ± standard deviation over {Over()}. Bold: better than the second best by more than the standard deviation of the paired differences, and p < {Level.ToString(CultureInfo.InvariantCulture)} in a paired t-test over {Over()}.",
            columns,
            [.. group.Genres.Select(genre => (IReadOnlyList<ReportCell>)
            [
                genre,
                .. Metrics.Select(m => new ReportCell(RunGroup.Written(group.Values(genre, m.Name).Values, m.Format), bold[m.Name] == genre)),
                .. classes.Select(c => new ReportCell(RunGroup.Written(group.Values(genre, c).Values, "0.000"))),
                RunGroup.Written(group.Values(genre, "steps").Values, "0"),
                RunGroup.Written(group.Values(genre, "seconds").Values, "0.0"),
                RunGroup.Written(group.Values(genre, "step_seconds").Values.Select(s => 1000 * s), "0"),
                RunGroup.Written(group.Values(genre, "best_seconds").Values, "0.0"),
                RunGroup.Written(group.Values(genre, "trainable").Values.Distinct(), "#,0"),
                RunGroup.Written(group.Values(genre, "memory_mb").Values, "0"),
                group.Of(genre).Count.ToString(CultureInfo.InvariantCulture),
            ])]);
    }

    /// <summary>The tests of the main metrics: every genre against the best.</summary>
    public IEnumerable<ReportTable> Tests()
    {
        foreach (var metric in Metrics.Take(TestedMetrics))
        {
            if (group.Best(metric) is not { } best) continue;
            string[] others = [.. group.Genres.Where(g => g != best.Best)];
            PairedComparison?[] comparisons = [.. others.Select(g => group.Compare(g, best.Best, metric.Name))];
            if (comparisons.All(c => c is null or { Difference.Count: < 2 })) continue;
            var adjusted = Holm.Adjust([.. comparisons.Select(c => c?.TTest ?? double.NaN)]);
            yield return new ReportTable(
                $"{group.Title}: '{metric.Title}' of each genre minus that of the best, {best.Best}, in pairs of the same data set and seed. Paired t-test, two-sided, and adjusted by Holm for the genres of the table; Wilcoxon's signed-rank test, exact (its least p for n pairs is 2 / 2^n).",
                ["genre", "difference", "p (t-test)", "p (t-test, Holm)", "p (Wilcoxon)", "pairs"],
                [.. others.Zip(comparisons, adjusted).Where(r => r.Second is not null).Select(r => (IReadOnlyList<ReportCell>)
                [
                    r.First, Difference(r.Second!.Difference, metric.Format), P(r.Second.TTest), P(r.Third), P(r.Second.Wilcoxon), $"{r.Second.Difference.Count}",
                ])]);
        }
    }

    string? Winner(Metric metric) =>
        metric.Higher is not null && group.Best(metric) is { } best && group.Compare(best.Best, best.Second, metric.Name)?.ExceedsSpread(Level) == true ? best.Best : null;

    string Over() => group.Datasets.Count > 1 ? "data sets and seeds" : "seeds";

    static string Difference(SampleSummary difference, string format)
    {
        var signed = $"+{format};-{format};{format}";
        var mean = difference.Mean.ToString(signed, CultureInfo.InvariantCulture);
        return double.IsNaN(difference.StandardDeviation) ? mean : $"{mean} ± {difference.StandardDeviation.ToString(format, CultureInfo.InvariantCulture)}";
    }

    /// <summary>A probability as tables have it.</summary>
    public static string P(double value) => double.IsNaN(value) ? "-" : value < 0.0001 ? "< 0.0001" : value.ToString("0.####", CultureInfo.InvariantCulture);
}
