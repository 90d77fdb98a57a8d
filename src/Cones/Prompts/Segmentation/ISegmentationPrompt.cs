using static TorchSharp.torch;

namespace Cones.Prompts.Segmentation;

/// <summary>A prompt for a segmenter: every class has tokens of its own, so that <see cref="IPrompt.Build"/> takes classes for templates.</summary>
public interface ISegmentationPrompt : IPrompt, IDisposable
{
    /// <summary>What a concept file holds: the tokens of each class, [n, C]. Tensors of the caller's dispose scope, without graph.</summary>
    IReadOnlyList<Tensor> ToVectors();
}
