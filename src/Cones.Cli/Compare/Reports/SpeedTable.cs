using System.Globalization;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Compare.Plans;
using Cones.Evaluation.Statistics;

namespace Cones.Cli.Compare.Reports;

/// <summary>
/// The time to equal quality: how soon each genre reaches what a reference reaches with the same data and seed, its lowest loss, or (a share
/// of) its highest score where a task has one.
/// </summary>
static class SpeedTable
{
    /// <summary>The table; null where the reference has no curve.</summary>
    /// <param name="group">The runs.</param>
    /// <param name="reference">What is to be reached.</param>
    /// <param name="score">The name of the score that counts, or null for the loss.</param>
    public static ReportTable? Of(RunGroup group, PlanReference reference, string? score = null)
    {
        var references = group.Of(reference.Genre).Where(r => Searched(r).Any()).ToArray();
        // Results of an older program have losses only.
        if (score is not null && group.Runs.SelectMany(Searched).Any(p => p.Score is null)) return null;
        double Quality(CurvePoint p) => score is null ? -p.Loss : p.Score!.Value;
        var goals = references.Where(r => Searched(r).Any(p => double.IsFinite(Quality(p))))
            .ToDictionary(r => (r.Job.Dataset, r.Job.Seed), r => Searched(r).Where(p => double.IsFinite(Quality(p))).Max(Quality) * reference.Share);
        if (goals.Count == 0) return null;

        CurvePoint? Reached(ReportRun run) => Searched(run).FirstOrDefault(p => Quality(p) >= goals[(run.Job.Dataset, run.Job.Seed)] && p.Seconds > 0);
        var times = references.Where(r => Reached(r) is not null).ToDictionary(r => (r.Job.Dataset, r.Job.Seed), r => Reached(r)!.Seconds);
        var rows = new List<IReadOnlyList<ReportCell>>();
        foreach (var genre in group.Genres.OrderBy(g => g == reference.Genre ? 0 : 1))
        {
            var runs = group.Of(genre).Where(r => goals.ContainsKey((r.Job.Dataset, r.Job.Seed)) && Searched(r).Any()).ToArray();
            if (runs.Length == 0) continue;
            var reached = runs.Select(r => (Key: (r.Job.Dataset, r.Job.Seed), Point: Reached(r))).Where(r => r.Point is not null && times.ContainsKey(r.Key)).ToArray();
            var own = genre == reference.Genre;
            var test = own || reached.Length < 2 ? null : PairedComparison.Of([.. reached.Select(r => Math.Log(times[r.Key]))], [.. reached.Select(r => Math.Log(r.Point!.Seconds))]);
            rows.Add(
            [
                genre,
                $"{reached.Length} of {runs.Length}",
                RunGroup.Written(reached.Select(r => (double)r.Point!.Step), "0"),
                RunGroup.Written(reached.Select(r => r.Point!.Seconds), "0.00"),
                own ? "1" : RunGroup.Written(reached.Select(r => times[r.Key] / r.Point!.Seconds), "0.0"),
                ScoreTables.P(test?.TTest ?? double.NaN),
            ]);
        }

        return new ReportTable(
            $"{group.Title}: time of the steps until {Goal(reference, score)} with the same data set and seed. Runs that never reach it are left out of the means; p: paired t-test of the logarithms of the times.",
            ["genre", "reached", "steps", "seconds", "times faster", "p"],
            rows);
    }

    static string Goal(PlanReference reference, string? score)
    {
        if (score is null) return $"the evaluation loss is as low as the lowest of {reference.Genre}";
        var share = reference.Share < 1 ? string.Create(CultureInfo.InvariantCulture, $"{reference.Share * 100:0.##}% of ") : "";
        return $"{score} is {share}the highest of {reference.Genre}";
    }

    // Before the first step there is no time to compare.
    static IEnumerable<CurvePoint> Searched(ReportRun run) => run.Result.Curve.Where(p => p.Step > 0);
}
