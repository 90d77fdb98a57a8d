using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>The frozen evaluation batch: the same pictures, noise, timesteps and templates whenever a loss is asked for.</summary>
public sealed class FrozenEvaluation : IDisposable
{
    readonly GenerationTask _task;
    readonly DenoisingBatch _batch;
    readonly int _batchSize;

    /// <summary>Draws the batch.</summary>
    /// <param name="task">The task; not owned.</param>
    /// <param name="sampler">Draws it.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="batchSize">The rows that are computed at once: the evaluation needs no more memory than a step.</param>
    public FrozenEvaluation(GenerationTask task, BatchSampler sampler, int rows, int batchSize)
    {
        using var scope = NewDisposeScope();
        _task = task;
        _batchSize = batchSize;
        var batch = sampler.DrawEvaluation(rows);
        scope.Detach(batch.Views, batch.PosteriorNoise, batch.Noise, batch.Timesteps);
        _batch = batch;
    }

    /// <summary>The rows of the batch.</summary>
    public int Count => _batch.Templates.Length;

    /// <summary>The templates of some rows.</summary>
    public IReadOnlyList<int> Templates(int first, int count) => _batch.Templates[first..(first + count)];

    /// <summary>The mean loss of all rows, without gradient.</summary>
    public double Loss(IPrompt prompt) => SumOfLosses(prompt, t => t, 0, Count) / Count;

    /// <summary>The sum of the losses of some rows, without gradient.</summary>
    /// <param name="prompt">What is evaluated.</param>
    /// <param name="templateOf">The prompt's number of a template.</param>
    /// <param name="first">The first row.</param>
    /// <param name="count">The number of rows.</param>
    public double SumOfLosses(IPrompt prompt, Func<int, int> templateOf, int first, int count)
    {
        using var noGrad = no_grad();
        var sum = 0.0;
        for (var row = first; row < first + count; row += _batchSize)
        {
            using var scope = NewDisposeScope();
            var part = _batch.Rows(row, Math.Min(_batchSize, first + count - row));
            int[] templates = [.. part.Templates.Select(templateOf)];
            sum += part.Templates.Length * (double)_task.Loss(prompt.Build(templates), part).item<float>();
        }

        return sum;
    }

    /// <inheritdoc/>
    public void Dispose() => _batch.Dispose();
}
