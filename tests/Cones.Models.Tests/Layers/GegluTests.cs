using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class GegluTests
{
    [Theory]
    [InlineData(64)] // by the kernel
    [InlineData(10)] // by LibTorch
    public void Values_and_gradients_agree_with_float64(long width)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var x = (randn([3, 50, 2 * width], generator: generator) * 3).requires_grad_();
        var cotangent = randn([3, 50, width], generator: generator);

        var y = Activations.Geglu(x);
        var gradient = autograd.grad([y], [x], [cotangent])[0];

        var exact = x.detach().to(ScalarType.Float64).requires_grad_();
        var halves = exact.chunk(2, -1);
        var expected = halves[0] * nn.functional.gelu(halves[1]);
        Compare.Close(expected, y, 1e-6);
        Compare.Close(autograd.grad([expected], [exact], [cotangent.to(ScalarType.Float64)])[0], gradient, 1e-6);
    }

    [Fact]
    public void A_graph_that_is_used_once_gives_the_same_gradients()
    {
        using var scope = NewDisposeScope();
        var x = randn([4, 32], generator: new Generator(1)).requires_grad_();
        var expected = autograd.grad([Activations.Geglu(Activations.Geglu(x)).sum()], [x])[0];

        OneTimeGraph.Backward(Activations.Geglu(Activations.Geglu(x)).sum());

        Assert.True(x.grad!.equal(expected).all().item<bool>());
    }
}
