using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>A prompt for a grounded detector: one caption, in which every class has slots of its own.</summary>
public interface IDetectionPrompt : IPrompt, IDisposable
{
    /// <summary>The slots of each class in the conditioning.</summary>
    IReadOnlyList<IReadOnlyList<int>> Classes { get; }

    /// <summary>
    /// What a concept file holds: for each class its vectors [n, L] (<see cref="SlotRule.Overwrite"/>), or a single entry for the whole caption
    /// [T, L] (<see cref="SlotRule.FullWithStart"/>). Tensors of the caller's dispose scope, without graph.
    /// </summary>
    IReadOnlyList<Tensor> ToVectors();
}
