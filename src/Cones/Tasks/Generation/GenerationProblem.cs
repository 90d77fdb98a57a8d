using Cones.Prompts;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>A prompt searched against personalised generation: what the search loop runs.</summary>
/// <param name="prompt">The prompt; not owned.</param>
/// <param name="task">The task; not owned.</param>
/// <param name="sampler">Draws the batches.</param>
/// <param name="evaluation">The frozen evaluation batch; not owned.</param>
public sealed class GenerationProblem(IPrompt prompt, GenerationTask task, BatchSampler sampler, FrozenEvaluation evaluation) : ISearchProblem
{
    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; init; } = prompt.Parameters;

    /// <inheritdoc/>
    public required int BatchSize { get; init; }

    /// <inheritdoc/>
    public required string Fingerprint { get; init; }

    /// <summary>Writes previews into a folder after some steps, or null.</summary>
    public Action<string, int>? OnPreview { get; init; }

    /// <inheritdoc/>
    public Tensor Loss(int step, int micro)
    {
        using var scope = NewDisposeScope();
        var batch = sampler.Draw(step, micro);
        return task.Loss(prompt.Build(batch.Templates), batch).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public double EvaluationLoss() => evaluation.Loss(prompt);

    /// <inheritdoc/>
    public void Project() => prompt.Project();

    /// <inheritdoc/>
    public void Preview(string folder, int step) => OnPreview?.Invoke(folder, step);
}
