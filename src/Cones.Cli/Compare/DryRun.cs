using System.Globalization;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Compare.Plans;
using Cones.Cli.Output;
using Spectre.Console;

namespace Cones.Cli.Compare;

/// <summary>What <c>cones compare --dry-run</c> prints: the jobs and what they will take, roughly.</summary>
sealed record DryRun
{
    /// <summary>A job; <c>done</c> where its result is there.</summary>
    public sealed record Row(string Key, string Model, string Dataset, string Genre, string Shots, string Budget, long Seed, double? LearningRate, bool Selection, bool Done, double Seconds, long Bytes);

    public required string Plan { get; init; }

    public required string Results { get; init; }

    public required IReadOnlyList<Row> Jobs { get; init; }

    /// <summary>The jobs without a result.</summary>
    public int ToRun => Jobs.Count(j => !j.Done);

    /// <summary>The jobs that run at once.</summary>
    public required int Parallel { get; init; }

    /// <summary>The time of all that are to run, so many at once.</summary>
    public double Seconds => Jobs.Where(j => !j.Done).Sum(j => j.Seconds) / Parallel;

    /// <summary>The most memory of a job.</summary>
    public long Bytes => Jobs.Max(j => j.Bytes);

    public static DryRun Of(ComparisonPlan plan, IReadOnlyList<JobSpec> jobs, Func<JobSpec, bool> isDecided, JobStore store, JobEstimates estimates, int parallel) => new()
    {
        Plan = plan.Path,
        Results = store.Root,
        Parallel = parallel,
        Jobs =
        [
            .. jobs.DistinctBy(j => j.Key).Select(j =>
            {
                var (seconds, bytes) = estimates.Of(j);
                // A rate that is yet to be chosen is none.
                var open = !j.Selection && !isDecided(j);
                return new Row(j.Key[..16], j.Model, j.Dataset, j.Genre, j.Shots?.ToString(CultureInfo.InvariantCulture) ?? "all", j.Budget, j.Seed, open ? null : j.LearningRate, j.Selection, !open && store.Result(j) is not null, Math.Round(seconds, 1), bytes);
            }),
        ],
    };

    /// <summary>The same for people.</summary>
    public void Print(IAnsiConsole console)
    {
        var table = TextOutput.Table("job", "model", "data", "genre", "shots", "budget", "seed", "rate", "state", "time", "memory");
        foreach (var job in Jobs)
        {
            table.Row(
                job.Key, job.Model, job.Dataset, job.Genre, job.Shots, job.Budget, $"{job.Seed}",
                job.LearningRate?.ToString(CultureInfo.InvariantCulture) ?? "",
                job.Done ? "done" : job.Selection ? "chooses a rate" : "to run",
                Time(job.Seconds), TextOutput.Size(job.Bytes));
        }

        console.Write(table);
        console.WriteLine(TextOutput.Plain($"{ToRun} of {Jobs.Count} jobs to run, {Parallel} at once: about {Time(Seconds)}, {TextOutput.Size(Parallel * Bytes)} of memory (guesses until jobs like them have run here; the rates to be chosen are left open)."));
        console.WriteLine(TextOutput.Plain($"Results go to {Results}."));
    }

    static string Time(double seconds) => seconds switch
    {
        < 90 => FormattableString.Invariant($"{seconds:0} s"),
        < 5400 => FormattableString.Invariant($"{seconds / 60:0} min"),
        _ => FormattableString.Invariant($"{seconds / 3600:0.0} h"),
    };
}
