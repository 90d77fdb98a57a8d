using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>What a detector's loss takes of a view.</summary>
/// <param name="Features">Its features, of the caller's dispose scope.</param>
/// <param name="Targets">Its objects.</param>
public readonly record struct DetectionExample(IReadOnlyList<Tensor> Features, DetectionTargets Targets);

/// <summary>Images as a search sees them.</summary>
public interface IDetectionExamples : IDisposable
{
    /// <summary>The number of views.</summary>
    int Count { get; }

    /// <summary>A view.</summary>
    /// <param name="index">Its number, from 0.</param>
    /// <param name="epoch">How often every view has come before: where views are made anew they differ from time to time.</param>
    DetectionExample Read(int index, long epoch = 0);
}
