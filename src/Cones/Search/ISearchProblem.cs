using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search;

/// <summary>
/// What <see cref="SearchLoop"/> optimises: parameters and a loss. The search knows neither model nor data behind it.
/// </summary>
public interface ISearchProblem
{
    /// <summary>What is searched: named float32 leaves that require gradients, in a fixed order.</summary>
    IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <summary>The images of one micro-batch, at least 1; used for the speed only.</summary>
    int BatchSize { get; }

    /// <summary>
    /// A digest of everything but the <see cref="SearchOptions"/> that decides the losses: model, data, the task's options.
    /// A run folder of a problem with another fingerprint is refused.
    /// </summary>
    string Fingerprint { get; }

    /// <summary>
    /// The loss of one micro-batch: a scalar with a graph to <see cref="Parameters"/>, the mean over the micro-batch. It
    /// depends only on the seed, the two numbers and the parameters: random numbers are derived for every step
    /// (<see cref="SeedSequence"/>), so that a resumed search needs no generator state.
    /// </summary>
    /// <param name="step">The number of steps made before, from 0.</param>
    /// <param name="micro">The micro-batch of the step, from 0, below <see cref="SearchOptions.Accumulate"/>.</param>
    Tensor Loss(int step, int micro);

    /// <summary>The loss on the frozen evaluation batch (same images, noise and timesteps each time), without gradient.</summary>
    double EvaluationLoss();

    /// <summary>The same, with a score where the task chooses its best step by one.</summary>
    SearchEvaluation Evaluate() => new(EvaluationLoss());

    /// <summary>Brings the parameters back into their bounds after an optimiser step, in place.</summary>
    void Project();

    /// <summary>Writes previews of the present parameters; may do nothing.</summary>
    /// <param name="folder">An existing folder; previews of a step that is repeated replace the earlier ones.</param>
    /// <param name="step">The number of steps made.</param>
    void Preview(string folder, int step);
}
