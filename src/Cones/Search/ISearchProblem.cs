using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search;

/// <summary>What a search optimises: a prompt's parameters against a task. The search knows neither.</summary>
public interface ISearchProblem
{
    /// <summary>Named leaves, float32, that require a gradient; in a fixed order.</summary>
    IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <summary>Images of one micro-batch.</summary>
    int BatchSize { get; }

    /// <summary>Identifies data, model and options: a checkpoint of another problem is refused.</summary>
    string Fingerprint { get; }

    /// <summary>
    /// The loss of micro-batch <paramref name="micro"/> of step <paramref name="step"/> (both from 0): a scalar with a graph
    /// to the parameters. It depends on seed, step, micro-batch and parameters alone, so that resuming needs no generator state.
    /// </summary>
    Tensor Loss(int step, int micro);

    /// <summary>The loss on the frozen evaluation batch: the same images, noise and timesteps each time; no gradient.</summary>
    double EvaluationLoss();

    /// <summary>Brings the parameters back into their bounds after an optimiser step.</summary>
    void Project();

    /// <summary>Writes previews of the current state into <paramref name="folder"/>; may do nothing.</summary>
    void Preview(string folder, int step);
}
