using System.Globalization;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Compare.Tasks;
using Cones.Evaluation.Statistics;

namespace Cones.Cli.Compare.Reports;

/// <summary>The drawings of a group of runs.</summary>
static class RunCharts
{
    /// <summary>Mean learning curves against steps and against seconds; none where nothing was searched.</summary>
    public static IEnumerable<ReportFigure> Curves(RunGroup group, IComparisonTask task, string name)
    {
        var series = group.Genres.Select(g => (Genre: g, Curve: Mean([.. group.Of(g).Select(r => r.Result.Curve)]))).Where(c => c.Curve.Count > 1).ToArray();
        if (series.Length == 0) yield break;
        var ends = string.Join("; ", series.Select(s => FormattableString.Invariant($"{s.Genre}: {s.Curve[0].Loss:0.####} at the start, {s.Curve[^1].Loss:0.####} after {s.Curve[^1].Step} steps and {s.Curve[^1].Seconds:0.#} s")));
        yield return new ReportFigure(
            $"{name}-steps",
            Charts.Lines("steps", task.CurveTitle, [.. series.Select(s => new ChartSeries(s.Genre, [.. s.Curve.Select(p => ((double)p.Step, p.Loss, 0.0))]))]),
            $"{group.Title}: mean {task.CurveTitle} against steps. A run that stopped early keeps its last loss.",
            $"Learning curves against steps. {ends}.");
        yield return new ReportFigure(
            $"{name}-seconds",
            Charts.Lines("seconds", task.CurveTitle, [.. series.Select(s => new ChartSeries(s.Genre, [.. s.Curve.Select(p => (p.Seconds, p.Loss, 0.0))]))]),
            $"{group.Title}: the same against the seconds of the steps.",
            $"Learning curves against seconds. {ends}.");
    }

    /// <summary>The main score of each genre against the seconds that it learned.</summary>
    public static ReportFigure? QualityAndCost(RunGroup group, IComparisonTask task, string name)
    {
        if (task.Metrics.FirstOrDefault(m => group.Genres.Any(g => group.Values(g, m.Name).Count > 0)) is not { } metric) return null;
        var points = group.Genres.Select(g => (Genre: g, Scores: group.Values(g, metric.Name).Values.ToArray(), Seconds: group.Values(g, "seconds").Values.ToArray()))
            .Where(p => p.Scores.Length > 0 && p.Seconds.Length > 0)
            .Select(p => (p.Genre, Score: SampleSummary.Of(p.Scores), Seconds: p.Seconds.Average())).ToArray();
        if (points.Length == 0) return null;
        return new ReportFigure(
            $"{name}-cost",
            Charts.Lines("seconds of steps", metric.Title, [.. points.Select(p => new ChartSeries(p.Genre, [(p.Seconds, p.Score.Mean, p.Score.StandardDeviation)]))], connect: false),
            $"{group.Title}: {metric.Title} ({(metric.Higher == true ? "higher" : "lower")} is better) against the seconds of learning; bars: standard deviation.",
            $"{metric.Title} and seconds of learning. {string.Join("; ", points.Select(p => FormattableString.Invariant($"{p.Genre}: {p.Score.Mean.ToString(metric.Format, CultureInfo.InvariantCulture)} in {p.Seconds:0.#} s")))}.");
    }

    /// <summary>The main score against the number of shots, where there are several.</summary>
    public static ReportFigure? Shots(IReadOnlyList<RunGroup> groups, IReadOnlyList<string> genres, IComparisonTask task, string title, string name)
    {
        if (task.Metrics.FirstOrDefault(m => groups.Any(g => g.Genres.Any(n => g.Values(n, m.Name).Count > 0))) is not { } metric) return null;
        var places = groups.Select((g, i) => (Group: g, X: i + 1.0)).ToArray();
        ChartSeries[] series =
        [
            .. genres.Select(genre => new ChartSeries(genre, [.. places.Select(p => (p.X, Values: p.Group.Values(genre, metric.Name).Values.ToArray())).Where(p => p.Values.Length > 0)
                .Select(p => (p.X, Summary: SampleSummary.Of(p.Values))).Select(p => (p.X, p.Summary.Mean, p.Summary.StandardDeviation))])).Where(s => s.Points.Count > 0),
        ];
        var labels = places.Select(p => p.Group.Runs[0].Job.Shots is { } shots ? $"{shots}" : "all").ToArray();
        return new ReportFigure(
            $"{name}-shots",
            Charts.Lines($"shots: {string.Join(", ", labels.Select((l, i) => $"{i + 1} = {l}"))}", metric.Title, series),
            $"{title}: {metric.Title} against the number of shots; bars: standard deviation.",
            $"{metric.Title} by shots. {string.Join("; ", series.Select(s => $"{s.Name}: {string.Join(", ", s.Points.Select(p => $"{p.Y.ToString(metric.Format, CultureInfo.InvariantCulture)} with {labels[(int)p.X - 1]}"))}"))}.");
    }

    // The mean over runs at every step that one of them was evaluated at.
    static List<CurvePoint> Mean(IReadOnlyList<IReadOnlyList<CurvePoint>> curves)
    {
        IReadOnlyList<CurvePoint>[] known = [.. curves.Where(c => c.Count > 1 && c.All(p => double.IsFinite(p.Loss)))];
        if (known.Length == 0) return [];
        return
        [
            .. known.SelectMany(c => c.Select(p => p.Step)).Distinct().Order().Select(step =>
            {
                CurvePoint[] at = [.. known.Select(c => c.LastOrDefault(p => p.Step <= step) ?? c[0])];
                return new CurvePoint(step, at.Average(p => p.Seconds), at.Average(p => p.Loss));
            }),
        ];
    }
}
