using System.Diagnostics;
using Cones.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Training;

/// <summary>
/// Runs a <see cref="ITrainingTask"/> by its <see cref="TrainingPlan"/>. A run that was stopped or killed at any moment goes on
/// from its last checkpoint to the same weights, bit for bit, given the same machine and number of threads.
/// </summary>
sealed class Trainer
{
    static readonly TimeSpan s_reportEvery = TimeSpan.FromSeconds(30);

    readonly string _folder;
    readonly TrainingPlan _plan;
    readonly RunOptions _options;

    /// <summary>The run of a plan's recipe; one that exists is continued.</summary>
    /// <param name="plan">The recipe's numbers; with the options in them.</param>
    /// <param name="options">Folder, threads and so on.</param>
    public Trainer(TrainingPlan plan, RunOptions options)
    {
        (_plan, _options) = (plan, options);
        _folder = options.Folder(plan.Recipe);
    }

    /// <summary>The time between two checkpoints.</summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>Trains to the end, or until <paramref name="stop"/> is cancelled.</summary>
    /// <returns>Whether the run is complete.</returns>
    /// <exception cref="ConesException">The folder's run had other numbers.</exception>
    public bool Run(ITrainingTask task, CancellationToken stop)
    {
        using var files = new RunFiles(_folder);
        using var parameters = new FlatParameters(task.Parts);
        using var optimizer = new AdamW(parameters, _plan.Optimizer);
        var path = RunFiles.Checkpoint(_folder);
        var saved = File.Exists(path) ? TrainingCheckpoint.Load(path, parameters, optimizer) : null;
        if (saved is not null) RequireSamePlan(path, saved);
        var threads = _options.Threads ?? saved?.Threads ?? ComputeThreads.Free();
        set_num_threads(threads);

        files.CutMetrics(saved?.MetricsLength ?? 0);
        var sums = new Dictionary<string, double>(saved?.Sums ?? new Dictionary<string, double>());
        var (step, summed) = (saved?.Step ?? 0, saved?.Summed ?? 0);
        if (step == _plan.Schedule.Steps) return true;
        _options.Log.WriteLine($"{_plan.Recipe}: {parameters.Values.numel():N0} parameters, {threads} threads, step {step} of {_plan.Schedule.Steps}");
        var (sinceCheckpoint, sinceReport, stepsAtReport) = (Stopwatch.StartNew(), Stopwatch.StartNew(), step);
        var metrics = new Dictionary<string, double>();
        var until = Math.Min(_plan.Schedule.Steps, step + (_options.StopAfter ?? long.MaxValue / 2));
        while (step < until && !stop.IsCancellationRequested)
        {
            metrics.Clear();
            Step(task, parameters, optimizer, step, metrics);
            foreach (var (name, value) in metrics) sums[name] = sums.GetValueOrDefault(name) + value;
            summed++;
            step++;
            if (step % _plan.LogEvery == 0)
            {
                var means = sums.ToDictionary(s => s.Key, s => s.Value / summed);
                files.Log(step, means);
                if (sinceReport.Elapsed > s_reportEvery)
                {
                    var rate = (step - stepsAtReport) * _plan.Batch / sinceReport.Elapsed.TotalSeconds;
                    _options.Log.WriteLine($"{_plan.Recipe} {step}/{_plan.Schedule.Steps} loss {means["loss"]:0.0000} {rate:0.0} samples/s");
                    (stepsAtReport, sinceReport) = (step, Stopwatch.StartNew());
                }

                sums.Clear();
                summed = 0;
            }

            if (step % _plan.EvaluateEvery == 0 || step == _plan.Schedule.Steps) Look(task, parameters, optimizer, files, step);
            if (sinceCheckpoint.Elapsed > CheckpointEvery) Save();
        }

        Save();
        return step == _plan.Schedule.Steps;

        void Save()
        {
            files.Flush();
            TrainingCheckpoint.Save(path, new TrainingState(_plan, step, threads, files.MetricsLength, sums, summed), parameters, optimizer);
            sinceCheckpoint.Restart();
        }
    }

    void Step(ITrainingTask task, FlatParameters parameters, AdamW optimizer, long step, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        using var loss = task.Loss(step, metrics);
        parameters.Differentiate(loss);
        metrics["loss"] = loss.item<float>();
        var rate = _plan.Schedule.At(step);
        metrics["gradient_norm"] = optimizer.Step(step, rate);
        metrics["learning_rate"] = rate;
    }

    // Scores, sheet and model folder are those of the averaged weights.
    void Look(ITrainingTask task, FlatParameters parameters, AdamW optimizer, RunFiles files, long step)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var trained = parameters.Values.clone();
        parameters.Values.copy_(optimizer.Average);
        var scores = task.Evaluate();
        files.Log(step, scores);
        _options.Log.WriteLine($"{_plan.Recipe} {step}: {string.Join(", ", scores.Select(s => $"{s.Key} {s.Value:0.0000}"))}");
        task.DrawSheet(files.Sheet(step));
        task.Export(files.Model);
        parameters.Values.copy_(trained);
    }

    void RequireSamePlan(string path, TrainingState saved)
    {
        if (!saved.Plan.Schedule.AgreesUntil(saved.Step, _plan.Schedule))
            throw new ConesException($"{path} has had {saved.Step} steps of a run of {saved.Plan.Schedule.Steps}, which {_plan.Schedule.Steps} steps do not continue: choose another --runs folder");
        if (saved.Plan with { Schedule = _plan.Schedule } != _plan)
            throw new ConesException($"{path} is of a run with other options: give the same, or another --runs folder");
    }
}
