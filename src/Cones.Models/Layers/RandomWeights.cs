using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>Fills models with random weights: for benchmarks at real shapes, and for training from scratch.</summary>
public static class RandomWeights
{
    /// <summary>
    /// Normal weights of variance 1 / inputs for matrices and kernels, ones for scales and zeros for shifts, so that
    /// activations keep their size from layer to layer.
    /// </summary>
    public static void Fill(Module model, ulong seed)
    {
        using var noGrad = no_grad();
        using var generator = new Generator(seed);
        foreach (var (name, weight) in model.NamedWeights())
        {
            using var scope = NewDisposeScope();
            long[] shape = [.. weight.Shape];
            var inputs = shape.Skip(1).Aggregate(1L, (a, b) => a * b);
            weight.Assign(
                shape.Length > 1 ? randn(shape, generator: generator).mul_(1 / Math.Sqrt(inputs))
                : name.EndsWith("weight", StringComparison.Ordinal) ? ones(shape)
                : zeros(shape));
        }
    }
}
