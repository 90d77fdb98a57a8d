using Cones.Cli.Compare.Tasks;

namespace Cones.Cli.Compare.Jobs;

/// <summary>What jobs will take: as long as jobs like them took here, else as the task guesses.</summary>
sealed class JobEstimates(JobStore store, IComparisonTask task)
{
    readonly Dictionary<string, (double Seconds, long Bytes)> _known = [];
    readonly Dictionary<string, JobEstimate> _guesses = [];

    /// <summary>Time and memory of a job.</summary>
    public (double Seconds, long Bytes) Of(JobSpec job)
    {
        // Rate and seed change neither.
        var like = string.Join('|', job.ModelPath, job.Dataset, job.Genre, job.Shots, job.Budget, job.Selection);
        if (store.Result(job) is { } result) return _known[like] = (result.JobSeconds, (long)(result.Metrics.GetValueOrDefault("memory_mb") * 1e6));
        if (_known.TryGetValue(like, out var known)) return known;
        if (!_guesses.TryGetValue(like, out var guess)) _guesses[like] = guess = task.Estimate(job);
        var seconds = job.Seconds ?? (guess.SecondsPerStep * job.Steps);
        return (seconds + guess.OtherSeconds, guess.Bytes);
    }
}
