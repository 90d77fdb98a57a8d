using Cones.Prompts;
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

    /// <summary>The mean loss of all views, without graph.</summary>
    /// <param name="detector">The detector.</param>
    /// <param name="conditioning">[1, T, L] with its mask.</param>
    /// <param name="classes">The slots of each class.</param>
    double MeanLoss(IDetector detector, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes)
    {
        using var noGrad = no_grad();
        var sum = 0.0;
        for (var i = 0; i < Count; i++)
        {
            using var scope = NewDisposeScope();
            var (features, targets) = Read(i);
            sum += detector.Loss(features, conditioning, classes, targets).to(ScalarType.Float64).item<double>();
        }

        return sum / Count;
    }
}
