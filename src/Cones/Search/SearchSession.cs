using System.Globalization;
using Cones.Search.EarlyStopping;
using Cones.Search.Runs;
using TorchSharp;

namespace Cones.Search;

/// <summary>One call of <see cref="SearchLoop.Run"/>: from the start or a checkpoint until something ends it.</summary>
sealed class SearchSession : IDisposable
{
    readonly ISearchProblem _problem;
    readonly SearchOptions _options;
    readonly SearchState _state;
    readonly ISearchObserver _observer;
    readonly RunFolder? _folder;
    readonly TimeProvider _time;
    readonly SearchStep _step;
    readonly CheckpointStore? _checkpoints;
    readonly MetricsLog? _metrics;
    readonly EventLog? _events;
    readonly bool _begun;

    public SearchSession(
        ISearchProblem problem, SearchOptions options, SearchState state, ISearchObserver observer, RunFolder? folder, TimeProvider time)
    {
        (_problem, _options, _state, _observer, _folder, _time) = (problem, options, state, observer, folder, time);
        _step = new SearchStep(problem, options, state);
        if (folder is null) return;

        if (folder.HasRun) folder.RequireSame(problem.Fingerprint, options);
        _checkpoints = new CheckpointStore(folder, problem.Fingerprint, options);
        _begun = _checkpoints.LoadLatest(state, observer.OnWarning);
        folder.WriteOptions(problem.Fingerprint, options);
        _metrics = new MetricsLog(folder.MetricsPath, state.Count.MetricsLength);
        if (!_metrics.Complete) observer.OnWarning($"{folder.MetricsPath} was cut short: the metrics before step {state.Count.Step} are incomplete");
        _events = new EventLog(folder.Path, state.Count.Step, time);
    }

    public SearchResult Run(CancellationToken cancellation)
    {
        var count = _state.Count;
        _observer.OnStarted(count.Step, _options.Steps);
        if (count.Finished == StopReason.Completed && count.Step < _options.Steps) count.Finished = null; // more steps are asked for
        if (count.Finished is { } before) return Finish(before, count.Message);

        if (!_begun && _options.EvaluationInterval > 0) Evaluate();
        var speed = new Speedometer(_time);
        var lastCheckpoint = _time.GetTimestamp();
        while (count.Step < _options.Steps)
        {
            if (cancellation.IsCancellationRequested)
            {
                Checkpoint();
                return Finish(StopReason.Cancelled, $"stopped at step {count.Step} of {_options.Steps}");
            }

            speed.Restart();
            Step(speed);
            if (count.SkippedInARow >= _options.NonFiniteLimit)
            {
                return End(
                    StopReason.NonFinite,
                    $"loss or gradient were not finite in {count.SkippedInARow} steps in a row up to step {count.Step}: lower the learning rate of {_options.Optimizer.LearningRate.ToString(CultureInfo.InvariantCulture)}, or clip gradients");
            }

            if (_options.EvaluationInterval > 0 && count.Step % _options.EvaluationInterval == 0)
            {
                Evaluate();
                if (StopEarly() is { } reason) return End(StopReason.EarlyStopped, $"stopped early at step {count.Step}: {reason}");
            }

            if (count.Step == _options.Steps) break;
            if (_options.PreviewInterval > 0 && count.Step % _options.PreviewInterval == 0) Preview();
            if ((_options.CheckpointInterval > 0 && count.Step % _options.CheckpointInterval == 0)
                || (_options.CheckpointSeconds > 0 && _time.GetElapsedTime(lastCheckpoint).TotalSeconds >= _options.CheckpointSeconds))
            {
                Checkpoint();
                lastCheckpoint = _time.GetTimestamp();
            }
        }

        if (_options.EvaluationInterval > 0 && _state.Evaluations[^1].Step != count.Step) Evaluate();
        return End(StopReason.Completed, $"all {_options.Steps} steps are made");
    }

    public void Dispose()
    {
        _metrics?.Dispose();
        _events?.Dispose();
    }

    void Step(Speedometer speed)
    {
        var outcome = _step.Make();
        var count = _state.Count;
        var (rate, remaining) = speed.Step(_problem.BatchSize * _options.Accumulate, _options.Steps - count.Step);
        _metrics?.Step(count.Step, outcome.Loss, outcome.LearningRate, outcome.GradientNorm, outcome.Skipped);
        _events?.Scalar("train/loss", count.Step, outcome.Loss);
        _events?.Scalar("train/learning_rate", count.Step, outcome.LearningRate);
        _events?.Scalar("train/gradient_norm", count.Step, outcome.GradientNorm);
        _events?.Scalar("speed/images_per_second", count.Step, rate);
        _observer.OnStep(new StepReport(
            count.Step, _options.Steps, outcome.Loss, outcome.LearningRate, outcome.GradientNorm, rate, remaining, outcome.Skipped));
        if (outcome.Skipped) _observer.OnWarning($"step {count.Step} changed nothing: loss {outcome.Loss}, gradient norm {outcome.GradientNorm}");
    }

    void Evaluate()
    {
        var step = _state.Count.Step;
        using var shown = _state.Average?.Show();
        using var scope = torch.NewDisposeScope();
        var found = _problem.Evaluate();
        var best = found.IsFinite && (_state.Count.BestLoss is not { } loss || found.IsBetterThan(new SearchEvaluation(loss, _state.Count.BestScore)));
        if (best) _state.KeepBest(step, found);
        _state.Evaluations.Add(new EvaluationReport(step, found.Loss, found.Score));
        _metrics?.Evaluation(step, found, best);
        _events?.Scalar("evaluation/loss", step, found.Loss);
        if (found.Score is { } score) _events?.Scalar("evaluation/score", step, score);
        _observer.OnEvaluation(_state.Evaluations[^1], best);
    }

    string? StopEarly() => EarlyStopRule.Reason(_options.EarlyStop, [.. _state.Evaluations.Select(e => e.Value).Where(e => e.IsFinite)]);

    void Preview()
    {
        if (_folder is null) return;
        using var shown = _state.Average?.Show();
        using var scope = torch.NewDisposeScope();
        _problem.Preview(_folder.PreviewFolder, _state.Count.Step);
        _observer.OnPreview(_state.Count.Step, _folder.PreviewFolder);
    }

    void Checkpoint()
    {
        if (_checkpoints is null || _metrics is null) return;
        // The metrics first: a checkpoint never knows of lines that a power failure could still take away.
        _metrics.Flush();
        _state.Count.MetricsLength = _metrics.Length;
        var path = _checkpoints.Save(_state);
        _observer.OnCheckpoint(_state.Count.Step, path);
    }

    // The search itself is over: resuming gives this result again.
    SearchResult End(StopReason reason, string message)
    {
        (_state.Count.Finished, _state.Count.Message) = (reason, message);
        if (_options.PreviewInterval > 0) Preview();
        Checkpoint();
        return Finish(reason, message);
    }

    SearchResult Finish(StopReason reason, string message)
    {
        _observer.OnStopped(reason, message);
        using var shown = _state.Average?.Show();
        var names = _state.Parameters.Named.Select(p => p.Key).ToArray();
        var last = _state.Parameters.Clone();
        using var noGrad = torch.no_grad();
        var best = _state.Best.Count == 0
            ? _state.Parameters.Clone()
            : [.. _state.Best.Select(t => t.clone().DetachFromDisposeScope())];
        return new SearchResult
        {
            Reason = reason,
            Message = message,
            Step = _state.Count.Step,
            BestStep = _state.Count.BestStep ?? _state.Count.Step,
            BestLoss = _state.Count.BestLoss ?? double.NaN,
            BestScore = _state.Count.BestScore,
            Best = names.Zip(best).ToDictionary(p => p.First, p => p.Second),
            Last = names.Zip(last).ToDictionary(p => p.First, p => p.Second),
            Evaluations = [.. _state.Evaluations],
            SkippedSteps = _state.Count.Skipped,
        };
    }
}
