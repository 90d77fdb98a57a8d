using Cones.Prompts;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>A prompt searched against personalised generation: what the search loop runs.</summary>
public sealed class GenerationProblem : ISearchProblem, IDisposable
{
    readonly IPrompt _prompt;
    readonly GenerationTask _task;
    readonly BatchSampler _sampler;
    readonly DenoisingBatch _evaluation;
    readonly Action<string, int>? _preview;

    /// <summary>A problem.</summary>
    /// <param name="prompt">The prompt; not owned.</param>
    /// <param name="task">The task; not owned.</param>
    /// <param name="sampler">Draws the batches.</param>
    /// <param name="batchSize">Images of one micro-batch.</param>
    /// <param name="evaluationRows">Images of the frozen evaluation batch.</param>
    /// <param name="fingerprint">Identifies data, model and options.</param>
    /// <param name="extraParameters">Parameters beside the prompt's, such as the denoiser's weights.</param>
    /// <param name="preview">Writes previews, or null.</param>
    /// <param name="frozenPrompt">Whether the prompt's own parameters stay as they are.</param>
    public GenerationProblem(
        IPrompt prompt,
        GenerationTask task,
        BatchSampler sampler,
        int batchSize,
        int evaluationRows,
        string fingerprint,
        IReadOnlyList<KeyValuePair<string, Tensor>>? extraParameters = null,
        Action<string, int>? preview = null,
        bool frozenPrompt = false)
    {
        _prompt = prompt;
        _task = task;
        _sampler = sampler;
        _preview = preview;
        BatchSize = batchSize;
        Fingerprint = fingerprint;
        Parameters = [.. frozenPrompt ? [] : prompt.Parameters, .. extraParameters ?? []];
        _evaluation = Detach(sampler.DrawEvaluation(evaluationRows));
    }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int BatchSize { get; }

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public Tensor Loss(int step, int micro)
    {
        using var scope = NewDisposeScope();
        var batch = _sampler.Draw(step, micro);
        return _task.Loss(_prompt.Build(batch.Templates), batch).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public double EvaluationLoss()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = (int)_evaluation.Views.shape[0];
        var sum = 0.0;
        // In micro-batches of the search's size: the evaluation needs no more memory than a step.
        for (var first = 0; first < rows; first += BatchSize)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(BatchSize, rows - first);
            var part = new DenoisingBatch(
                _evaluation.Views.narrow(0, first, count),
                _evaluation.Templates[first..(first + count)],
                _evaluation.PosteriorNoise.narrow(0, first, count),
                _evaluation.Noise.narrow(0, first, count),
                _evaluation.Timesteps.narrow(0, first, count));
            sum += count * (double)_task.Loss(_prompt.Build(part.Templates), part).item<float>();
        }

        return sum / rows;
    }

    /// <inheritdoc/>
    public void Project() => _prompt.Project();

    /// <inheritdoc/>
    public void Preview(string folder, int step) => _preview?.Invoke(folder, step);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[_evaluation.Views, _evaluation.PosteriorNoise, _evaluation.Noise, _evaluation.Timesteps]) tensor.Dispose();
    }

    static DenoisingBatch Detach(DenoisingBatch batch) => new(
        batch.Views.DetachFromDisposeScope(),
        batch.Templates,
        batch.PosteriorNoise.DetachFromDisposeScope(),
        batch.Noise.DetachFromDisposeScope(),
        batch.Timesteps.DetachFromDisposeScope());
}
