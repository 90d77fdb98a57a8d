using TorchSharp;

namespace Cones.Pretraining.Training;

/// <summary>What is trained: a loss by step, and what is looked at on the way.</summary>
interface ITrainingTask : IDisposable
{
    /// <summary>The models under training, with their start weights.</summary>
    IReadOnlyList<TrainedPart> Parts { get; }

    /// <summary>The loss of a step: the same for the same step and weights, whatever was computed before.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="metrics">Receives further numbers to be logged.</param>
    torch.Tensor Loss(long step, Dictionary<string, double> metrics);

    /// <summary>Scores of the current weights on fixed data, without gradients.</summary>
    IReadOnlyDictionary<string, double> Evaluate();

    /// <summary>Draws what the current weights can do.</summary>
    void DrawSheet(string path);

    /// <summary>Writes the current weights as a model folder.</summary>
    void Export(string folder);
}
