using Cones.Cli.Compare.Jobs;
using Cones.Evaluation.Statistics;

namespace Cones.Cli.Compare.Reports;

/// <summary>The time to equal quality: how soon each genre reaches the lowest loss that a reference reaches with the same data and seed.</summary>
static class SpeedTable
{
    /// <summary>The table; null where the reference has no curve.</summary>
    public static ReportTable? Of(RunGroup group, string reference)
    {
        var goals = group.Of(reference).Select(r => (r.Job, Goal: Lowest(r.Result.Curve))).Where(g => g.Goal is { Step: > 0 }).ToDictionary(g => (g.Job.Dataset, g.Job.Seed), g => g.Goal!);
        if (goals.Count == 0) return null;
        var rows = new List<IReadOnlyList<ReportCell>>
        {
            new ReportCell[] { reference, $"{goals.Count} of {goals.Count}", RunGroup.Written(goals.Values.Select(g => (double)g.Step), "0"), RunGroup.Written(goals.Values.Select(g => g.Seconds), "0.00"), "1", "-" },
        };
        foreach (var genre in group.Genres.Where(g => g != reference))
        {
            var runs = group.Of(genre).Where(r => goals.ContainsKey((r.Job.Dataset, r.Job.Seed)) && r.Result.Curve.Any(p => p.Step > 0)).ToArray();
            if (runs.Length == 0) continue;
            var reached = runs.Select(r => (Goal: goals[(r.Job.Dataset, r.Job.Seed)], Point: r.Result.Curve.FirstOrDefault(p => p.Step > 0 && p.Loss <= goals[(r.Job.Dataset, r.Job.Seed)].Loss)))
                .Where(r => r.Point is { Seconds: > 0 }).ToArray();
            var test = reached.Length < 2 ? null : PairedComparison.Of([.. reached.Select(r => Math.Log(r.Goal.Seconds))], [.. reached.Select(r => Math.Log(r.Point!.Seconds))]);
            rows.Add(
            [
                genre,
                $"{reached.Length} of {runs.Length}",
                RunGroup.Written(reached.Select(r => (double)r.Point!.Step), "0"),
                RunGroup.Written(reached.Select(r => r.Point!.Seconds), "0.00"),
                RunGroup.Written(reached.Select(r => r.Goal.Seconds / r.Point!.Seconds), "0.0"),
                ScoreTables.P(test?.TTest ?? double.NaN),
            ]);
        }

        return new ReportTable(
            $"{group.Title}: time of the steps until the evaluation loss is as low as the lowest of {reference} with the same data set and seed. Runs that never reach it are left out of the means; p: paired t-test of the logarithms of the times.",
            ["genre", "reached", "steps", "seconds", "times faster", "p"],
            rows);
    }

    static CurvePoint? Lowest(IReadOnlyList<CurvePoint> curve) => curve.Where(p => double.IsFinite(p.Loss)).MinBy(p => p.Loss);
}
