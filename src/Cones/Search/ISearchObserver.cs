namespace Cones.Search;

/// <summary>What one step did.</summary>
/// <param name="Step">The steps made, from 1.</param>
/// <param name="TotalSteps">The steps of the whole search.</param>
/// <param name="Loss">The mean loss of the step's micro-batches; not finite in a skipped step.</param>
/// <param name="LearningRate">The rate of the step, before the factors of single parameters.</param>
/// <param name="GradientNorm">The L2 norm of all gradients before clipping; not finite in a skipped step.</param>
/// <param name="ImagesPerSecond">The speed of this step.</param>
/// <param name="Remaining">The time left at the mean speed of this session, evaluations included.</param>
/// <param name="Skipped">Whether loss or gradient was not finite, so that nothing was changed.</param>
public sealed record StepReport(
    int Step, int TotalSteps, double Loss, double LearningRate, double GradientNorm, double ImagesPerSecond, TimeSpan Remaining, bool Skipped);

/// <summary>The loss on the frozen evaluation batch after some steps.</summary>
/// <param name="Step">The steps made, 0 for the initial parameters.</param>
/// <param name="Loss">The loss.</param>
/// <param name="Score">What decides which step is best, where the task has a score; null where the loss decides.</param>
public sealed record EvaluationReport(int Step, double Loss, double? Score = null)
{
    /// <summary>The numbers without the step.</summary>
    internal SearchEvaluation Value => new(Loss, Score);
}

/// <summary>Watches a search, e.g. to draw a progress bar. Nothing it does influences the result.</summary>
public interface ISearchObserver
{
    /// <summary>The search begins, or goes on from a checkpoint.</summary>
    /// <param name="step">The steps made before; 0 for a new search.</param>
    /// <param name="totalSteps">The steps of the whole search.</param>
    void OnStarted(int step, int totalSteps)
    {
    }

    /// <summary>A step is done.</summary>
    void OnStep(StepReport report)
    {
    }

    /// <summary>The frozen evaluation batch was evaluated.</summary>
    /// <param name="evaluation">The step and the loss.</param>
    /// <param name="best">Whether it is the best so far.</param>
    void OnEvaluation(EvaluationReport evaluation, bool best)
    {
    }

    /// <summary>A checkpoint is on the disk.</summary>
    void OnCheckpoint(int step, string path)
    {
    }

    /// <summary>Previews were written.</summary>
    void OnPreview(int step, string folder)
    {
    }

    /// <summary>Something unusual that does not stop the search, in one sentence.</summary>
    void OnWarning(string message)
    {
    }

    /// <summary>The search is over.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="message">The same in one sentence, with numbers.</param>
    void OnStopped(StopReason reason, string message)
    {
    }
}

/// <summary>An observer that ignores everything.</summary>
sealed class SilentObserver : ISearchObserver;
