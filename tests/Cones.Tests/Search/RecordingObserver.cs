using Cones.Search;

namespace Cones.Tests.Search;

/// <summary>Keeps what it is told.</summary>
sealed class RecordingObserver : ISearchObserver
{
    public List<(int Step, int Total)> Started { get; } = [];

    public List<StepReport> Steps { get; } = [];

    public List<(EvaluationReport Evaluation, bool Best)> Evaluations { get; } = [];

    public List<string> Warnings { get; } = [];

    public List<int> Checkpoints { get; } = [];

    public List<int> Previews { get; } = [];

    public (StopReason Reason, string Message)? Stopped { get; private set; }

    /// <summary>Called after a step.</summary>
    public Action<StepReport>? AfterStep { get; init; }

    /// <summary>Called after a checkpoint.</summary>
    public Action<int>? AfterCheckpoint { get; init; }

    public void OnStarted(int step, int totalSteps) => Started.Add((step, totalSteps));

    public void OnStep(StepReport report)
    {
        Steps.Add(report);
        AfterStep?.Invoke(report);
    }

    public void OnEvaluation(EvaluationReport evaluation, bool best) => Evaluations.Add((evaluation, best));

    public void OnWarning(string message) => Warnings.Add(message);

    public void OnCheckpoint(int step, string path)
    {
        Assert.True(File.Exists(path));
        Checkpoints.Add(step);
        AfterCheckpoint?.Invoke(step);
    }

    public void OnPreview(int step, string folder) => Previews.Add(step);

    public void OnStopped(StopReason reason, string message) => Stopped = (reason, message);
}
