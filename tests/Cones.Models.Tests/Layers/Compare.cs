using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

static class Compare
{
    /// <summary>Asserts that no element differs by more than a part of the largest one.</summary>
    public static void Close(Tensor expected, Tensor actual, double tolerance)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        var (e, a) = (expected.detach().to(ScalarType.Float64), actual.detach().to(ScalarType.Float64));
        var difference = (e - a).abs().max().item<double>();
        var size = e.abs().max().item<double>();
        Assert.True(difference <= tolerance * size, $"differs by {difference}, the largest value is {size}");
    }
}
