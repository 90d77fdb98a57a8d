using Cones.Cli.Compare.Tasks;

namespace Cones.Cli.Compare.Jobs;

/// <summary>How a learning rate did on validation data.</summary>
/// <param name="Rate">The rate.</param>
/// <param name="Scores">The means of the task's selection metrics over the runs, in their order; NaN where a run has none.</param>
/// <param name="Runs">The runs that ended well.</param>
sealed record RateScore(double Rate, IReadOnlyList<double> Scores, int Runs);

/// <summary>Chooses a genre's learning rate by validation data alone.</summary>
/// <param name="Cell">What it is chosen for.</param>
/// <param name="Scores">The rates that were tried, in the order of the plan.</param>
/// <param name="Best">The chosen one; null where no run of any rate ended well.</param>
sealed record RateChoice(RateCell Cell, IReadOnlyList<RateScore> Scores, double? Best)
{
    /// <summary>Chooses for every cell of some jobs.</summary>
    /// <param name="jobs">The jobs with their cells.</param>
    /// <param name="resultOf">A job's result, or null.</param>
    /// <param name="task">Names the metrics that decide.</param>
    public static IReadOnlyList<RateChoice> Of(IEnumerable<(RateCell Cell, JobSpec Job)> jobs, Func<JobSpec, JobResult?> resultOf, IComparisonTask task) =>
        [.. jobs.GroupBy(j => j.Cell, j => j.Job).Select(g => Choose(g.Key, [.. g], resultOf, task))];

    /// <summary>The rates of the cells whose jobs all have results.</summary>
    public static IReadOnlyDictionary<RateCell, double> Decided(IEnumerable<(RateCell Cell, JobSpec Job)> jobs, Func<JobSpec, JobResult?> resultOf, IComparisonTask task)
    {
        var done = jobs.GroupBy(j => j.Cell).Where(g => g.All(j => resultOf(j.Job) is not null)).SelectMany(g => g);
        return Of(done, resultOf, task).Where(c => c.Best is not null).ToDictionary(c => c.Cell, c => c.Best!.Value);
    }

    static RateChoice Choose(RateCell cell, IReadOnlyList<JobSpec> jobs, Func<JobSpec, JobResult?> resultOf, IComparisonTask task)
    {
        var most = jobs.GroupBy(j => j.LearningRate).Max(g => g.Count(j => resultOf(j) is not null));
        RateScore[] scores = [.. jobs.GroupBy(j => j.LearningRate!.Value).Select(rate =>
        {
            JobResult[] results = [.. rate.Select(resultOf).OfType<JobResult>()];
            return new RateScore(rate.Key, [.. task.SelectionMetrics.Select(m => results.Length == 0 ? double.NaN : results.Average(r => r.Metrics.GetValueOrDefault(m, double.NaN)))], results.Length);
        })];
        // A rate that failed where others did not has no say.
        var ordered = scores.Where(s => s.Runs > 0 && s.Runs == most).OrderBy(s => 0);
        for (var i = 0; i < task.SelectionMetrics.Count; i++)
        {
            var (place, higher) = (i, task.Metrics.First(m => m.Name == task.SelectionMetrics[i]).Higher == true);
            ordered = ordered.ThenBy(s => double.IsNaN(s.Scores[place]) ? double.PositiveInfinity : higher ? -s.Scores[place] : s.Scores[place]);
        }

        return new RateChoice(cell, scores, ordered.FirstOrDefault()?.Rate);
    }
}
