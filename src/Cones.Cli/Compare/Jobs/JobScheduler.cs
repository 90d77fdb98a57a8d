namespace Cones.Cli.Compare.Jobs;

/// <summary>A job that did not end well.</summary>
sealed record JobFailure(JobSpec Job, string Reason);

/// <summary>Runs jobs, some at once, and goes on when one fails. Jobs whose results are there are left out.</summary>
/// <param name="store">Where results are.</param>
/// <param name="host">Runs them.</param>
/// <param name="parallel">The most at once.</param>
/// <param name="log">Told, in a line each, what was done.</param>
sealed class JobScheduler(JobStore store, IJobHost host, int parallel, Action<string> log)
{
    /// <summary>Runs jobs to their ends.</summary>
    /// <returns>Those that failed, in the order of the jobs, whichever ended first.</returns>
    /// <exception cref="OperationCanceledException">It was asked to stop; every running job has saved what it did.</exception>
    public IReadOnlyList<JobFailure> Run(IReadOnlyList<JobSpec> jobs, CancellationToken cancellation)
    {
        // Genres of other names may be the same job.
        JobSpec[] open = [.. jobs.DistinctBy(j => j.Key).Where(j => store.Result(j) is null)];
        var waiting = new Queue<JobSpec>(open);
        var running = new Dictionary<Task<string?>, JobSpec>();
        var failures = new List<JobFailure>();
        var done = 0;
        while (waiting.Count > 0 || running.Count > 0)
        {
            while (waiting.Count > 0 && running.Count < parallel && !cancellation.IsCancellationRequested)
            {
                var job = waiting.Dequeue();
                store.Prepare(job);
                running.Add(Started(job, cancellation), job);
            }

            if (running.Count == 0) break;
            var ended = Task.WhenAny(running.Keys).GetAwaiter().GetResult();
            running.Remove(ended, out var of);
            if (ended.IsCanceled && cancellation.IsCancellationRequested) continue;
            var failure = ended.IsCanceled ? "its process was asked to stop: the same command goes on with it" : ended.IsFaulted ? ended.Exception!.InnerException!.Message : ended.Result;
            if (failure is not null) failures.Add(new JobFailure(of!, failure));
            log($"[{++done}/{open.Length}] {of!.Title}: {failure ?? Summary(of)}");
        }

        cancellation.ThrowIfCancellationRequested();
        return [.. failures.OrderBy(f => Array.IndexOf(open, f.Job))];
    }

    Task<string?> Started(JobSpec job, CancellationToken cancellation)
    {
        try
        {
            return host.Run(job, cancellation);
        }
        catch (OperationCanceledException)
        {
            return Task.FromCanceled<string?>(cancellation.IsCancellationRequested ? cancellation : new CancellationToken(canceled: true));
        }
    }

    string Summary(JobSpec job) => store.Result(job) is not { } result
        ? "no result"
        : string.Join(", ", Tasks.ComparisonTasks.Get(job.Task).Metrics.Where(m => result.Metrics.ContainsKey(m.Name)).Take(3)
            .Select(m => FormattableString.Invariant($"{m.Title} {result.Metrics[m.Name].ToString(m.Format, System.Globalization.CultureInfo.InvariantCulture)}"))
            .Append(FormattableString.Invariant($"{result.JobSeconds:0} s")));
}
