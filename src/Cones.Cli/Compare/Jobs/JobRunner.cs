using System.Diagnostics;
using System.Text.Json;
using Cones.Cli.Compare.Tasks;
using Cones.Models;
using Cones.Models.Native;
using Cones.Models.Weights;
using TorchSharp;

namespace Cones.Cli.Compare.Jobs;

/// <summary>
/// Runs one job in this process: its stages, then its scores, then <c>result.json</c>. Killed at any moment and run again it goes on from
/// the last checkpoint of the stage that it was in.
/// </summary>
sealed class JobRunner(string folder, Action<string> log, CancellationToken cancellation)
{
    const int ProbeSteps = 6;
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    static readonly KeyValuePair<string, string?>[] s_probe =
        [new("steps", $"{ProbeSteps}"), new("evaluate-every", "0"), new("early-stop", "none")];

    /// <summary>Runs the job, unless its result is there.</summary>
    /// <exception cref="OperationCanceledException">It was asked to stop.</exception>
    /// <exception cref="ConesException">The job cannot be done.</exception>
    public void Run()
    {
        using var ownership = Lock();
        var job = JobStore.ReadJob(folder);
        if (JobStore.ReadResult(folder, job.Key) is not null) return;
        var clock = Stopwatch.StartNew();
        var task = ComparisonTasks.Get(job.Task);
        var run = new JobRun(job, folder, log, cancellation);
        var dataFolder = JobStore.DataFolderOf(folder);
        task.Prepare(job, dataFolder);

        Machine.ResetPeakMemory();
        var (metrics, curve, messages) = (new Dictionary<string, double>(), new List<CurvePoint>(), new List<string>());
        var (steps, seconds, asked) = (0, 0.0, new List<int>());
        for (var stage = 0; stage < job.Stages.Count; stage++)
        {
            log($"stage {stage + 1} of {job.Stages.Count}: {job.Stages[stage].Method}");
            var (outcome, time, perStep, atMost) = Stage(run, task, stage, dataFolder);
            // The first evaluation of a later stage is the last of the one before.
            curve.AddRange(outcome.Evaluations.Where(e => stage == 0 || e.Step > 0).Select(e => new CurvePoint(steps + e.Step, seconds + (e.Step * perStep), e.Loss, e.Score)));
            if (outcome.Evaluations.Count == 0 && stage == 0) curve.Add(new CurvePoint(0, time, outcome.BestLoss));
            steps += outcome.Steps;
            (metrics["step_seconds"], metrics["best_seconds"]) = (perStep, seconds + time - ((outcome.Steps - outcome.BestStep) * perStep));
            seconds += time;
            messages.Add(outcome.Message);
            asked.Add(atMost);
            if (stage == 0) metrics["start_loss"] = outcome.StartLoss;
            metrics["evaluation_loss"] = outcome.BestLoss;
            metrics["best_step"] = steps - outcome.Steps + outcome.BestStep;
            metrics["trainable"] = outcome.Trainable;
        }

        (metrics["steps"], metrics["seconds"]) = (steps, seconds);
        if (Machine.PeakMemoryBytes() is { } peak) metrics["memory_mb"] = Math.Round(peak / 1e6);
        log("scoring");
        var scores = task.Evaluate(run);
        foreach (var (name, value) in scores.Metrics) metrics[name] = value;
        JobStore.WriteResult(folder, new JobResult
        {
            Key = job.Key,
            Metrics = metrics,
            Curve = curve,
            Pictures = scores.Pictures,
            Messages = messages,
            StageSteps = asked,
            Machine = JobMachines.Here(),
            Finished = DateTimeOffset.UtcNow,
            JobSeconds = Math.Round(clock.Elapsed.TotalSeconds, 1),
        });
        CleanUp(run);
    }

    (StageOutcome Outcome, double Seconds, double SecondsPerStep, int Steps) Stage(JobRun run, IComparisonTask task, int stage, string dataFolder)
    {
        var start = stage > 0 ? run.ConceptOf(stage - 1) : null;
        var steps = run.Job.Seconds is { } budget ? StepsIn(budget * run.Job.ShareOf(stage), run, task, stage, start, dataFolder) : run.Job.StepsOf(stage);
        var recorder = new SearchRecorder(Path.Combine(folder, $"{stage + 1}.times.json"), log);
        using var scope = torch.NewDisposeScope();
        var outcome = task.Search(new StageRun(run, stage, JobArguments.Of(run.Job, task, stage, steps, start, dataFolder), recorder, IsProbe: false));
        recorder.Finish();
        return (outcome, recorder.WordSeconds + (outcome.Steps * recorder.SecondsPerStep), recorder.SecondsPerStep, steps);
    }

    // A budget of time becomes one of steps before the search begins, so that schedules end where they should and a search that was stopped
    // goes on to the same end.
    int StepsIn(double seconds, JobRun run, IComparisonTask task, int stage, string? start, string dataFolder)
    {
        var file = Path.Combine(folder, $"{stage + 1}.pace.json");
        if (File.Exists(file)) return JsonSerializer.Deserialize<int>(File.ReadAllBytes(file));
        log("measuring the time of a step");
        var recorder = new SearchRecorder(null, _ => { });
        using (torch.NewDisposeScope())
            task.Search(new StageRun(run, stage, JobArguments.Of(run.Job, task, stage, ProbeSteps, start, dataFolder, s_probe), recorder, IsProbe: true));
        var steps = recorder.SecondsPerStep > 0 ? Math.Max(1, (int)(seconds / recorder.SecondsPerStep)) : 1;
        AtomicFile.Write(file, s => JsonSerializer.Serialize(s, steps));
        return steps;
    }

    // What a finished job does not need: its checkpoints may be thousands of times larger than what it found.
    static void CleanUp(JobRun run)
    {
        for (var stage = 0; stage < run.Job.Stages.Count; stage++)
            foreach (var left in (string[])[run.RunFolderOf(stage), Path.Combine(run.Folder, $"{stage + 1}.model")])
                if (Directory.Exists(left)) Directory.Delete(left, recursive: true);
    }

    // A worker whose comparison was killed ends after its step: until then the next one waits.
    FileStream Lock()
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(folder, "job.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e)
            {
                if (clock.Elapsed > s_patience) throw new ConesException($"{folder} is in use by another process: wait for it", e);
                cancellation.ThrowIfCancellationRequested();
                Thread.Sleep(200);
            }
        }
    }
}
