using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

/// <summary>Checks gradients of float64 functions.</summary>
static class FiniteDifferences
{
    /// <summary>Compares the gradient of <c>sum(function() · cotangent)</c> with differences along a few random directions of every input.</summary>
    public static void Check(Func<Tensor> function, IReadOnlyList<(string Name, Tensor Value)> inputs, double tolerance = 1e-6)
    {
        foreach (var (_, value) in inputs) value.requires_grad_();
        var cotangent = randn(function().shape, ScalarType.Float64);
        var gradients = autograd.grad([(function() * cotangent).sum()], inputs.Select(i => i.Value).ToList());
        using var noGrad = no_grad();
        for (var i = 0; i < inputs.Count; i++)
            for (var trial = 0; trial < 3; trial++)
            {
                var value = inputs[i].Value;
                var direction = randn(value.shape, ScalarType.Float64);
                const double h = 1e-6;
                value.add_(direction, h);
                var above = (function() * cotangent).sum().item<double>();
                value.sub_(direction * (2 * h));
                var below = (function() * cotangent).sum().item<double>();
                value.add_(direction, h);
                var expected = (above - below) / (2 * h);
                var actual = (gradients[i] * direction).sum().item<double>();
                Assert.True(Math.Abs(actual - expected) <= tolerance * Math.Max(1, Math.Abs(expected)), $"{inputs[i].Name}: {actual}, {expected} expected");
            }
    }
}
