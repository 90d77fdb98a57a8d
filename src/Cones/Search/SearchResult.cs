using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search;

/// <summary>Why a search ended.</summary>
public enum StopReason
{
    /// <summary>All steps are made.</summary>
    Completed,

    /// <summary>The early-stopping rule.</summary>
    EarlyStopped,

    /// <summary>Loss or gradient were not finite too many times in a row.</summary>
    NonFinite,

    /// <summary>It was asked to stop (Ctrl-C); it can be resumed.</summary>
    Cancelled,
}

/// <summary>What a search found. Owns its tensors.</summary>
public sealed class SearchResult : IDisposable
{
    internal SearchResult()
    {
    }

    /// <summary>Why it ended.</summary>
    public required StopReason Reason { get; init; }

    /// <summary>The same in one sentence, with numbers.</summary>
    public required string Message { get; init; }

    /// <summary>The steps made, in this session and those before.</summary>
    public required int Step { get; init; }

    /// <summary>The step of <see cref="Best"/>.</summary>
    public required int BestStep { get; init; }

    /// <summary>The evaluation loss of <see cref="Best"/>; NaN where nothing was evaluated.</summary>
    public required double BestLoss { get; init; }

    /// <summary>The score of <see cref="Best"/>; null where the loss decided which step is best.</summary>
    public double? BestScore { get; init; }

    /// <summary>The parameters with the lowest evaluation loss, by name; the last ones where nothing was evaluated.</summary>
    public required IReadOnlyDictionary<string, Tensor> Best { get; init; }

    /// <summary>The last parameters, by name; their moving average where there is one.</summary>
    public required IReadOnlyDictionary<string, Tensor> Last { get; init; }

    /// <summary>All evaluations, those of earlier sessions too.</summary>
    public required IReadOnlyList<EvaluationReport> Evaluations { get; init; }

    /// <summary>The steps that changed nothing because loss or gradient were not finite.</summary>
    public required int SkippedSteps { get; init; }

    /// <summary>Writes <see cref="Best"/> into a problem's parameters.</summary>
    public void CopyBestTo(ISearchProblem problem) => Copy(Best, problem);

    /// <summary>Writes <see cref="Last"/> into a problem's parameters.</summary>
    public void CopyLastTo(ISearchProblem problem) => Copy(Last, problem);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Best.Values.Concat(Last.Values)) tensor.Dispose();
    }

    static void Copy(IReadOnlyDictionary<string, Tensor> values, ISearchProblem problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in problem.Parameters) parameter.copy_(values[name]);
    }
}
