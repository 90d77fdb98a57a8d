using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Search;

/// <summary>Compares the states of an optimisation.</summary>
static class StepComparison
{
    /// <summary>
    /// Compares embeddings after each step, [steps, ...]. In float32 an element whose gradient is almost 0 may take its first step in the
    /// other direction: 1 % of the elements may differ by up to twice the learning rate.
    /// </summary>
    public static void Check(GoldenResult result, string name, Tensor actual, Tensor expected, double learningRate, double rtol, double atol)
    {
        using var scope = NewDisposeScope();
        var near = (actual - expected).abs() <= atol + (rtol * expected.abs());
        var share = near.logical_not().to(ScalarType.Float64).mean().item<double>();
        if (share > 0.01) result.Check(name, actual, expected, rtol, atol);
        else result.Check(name, actual, where(near, actual, expected), rtol, 2 * learningRate);
    }
}
