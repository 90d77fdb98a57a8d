using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class GroupNormTests
{
    [Theory]
    [InlineData(2, 16, 4, 5, 7, "silu")]
    [InlineData(3, 64, 32, 16, 16, "silu")]
    [InlineData(1, 24, 3, 1, 1, null)]
    [InlineData(2, 96, 8, 12, 9, null)]
    public void Gradients_of_input_and_weights_are_those_of_LibTorch(long batch, long channels, long groups, long height, long width, string? activation)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        using var norm = new GroupNorm(groups, channels, 1e-5, activation);
        RandomWeights.Fill(norm, 1);
        var (weight, bias) = (norm.NamedWeights().First().Value, norm.NamedWeights().Last().Value);
        weight.Assign(randn([channels], generator: generator));
        bias.Assign(randn([channels], generator: generator));
        var values = randn([batch, height, width, channels], generator: generator) + 0.5;
        var gradY = randn([batch, height, width, channels], generator: generator).permute(0, 3, 1, 2);
        var (trained, x) = (norm, values.permute(0, 3, 1, 2).requires_grad_(true));
        trained.SetRequiresGrad(true);
        var y = trained.Forward(x);
        var got = autograd.grad([y], [x, weight.Value, bias.Value], [gradY]);

        var exact = new[] { values.permute(0, 3, 1, 2), weight.Value, bias.Value }.Select(t => t.detach().to(ScalarType.Float64).contiguous().requires_grad_(true)).ToArray();
        var reference = nn.functional.group_norm(exact[0], groups, exact[1], exact[2], 1e-5);
        if (activation is not null) reference = nn.functional.silu(reference);
        var expected = autograd.grad([reference], exact, [gradY.to(ScalarType.Float64)]);
        Close(reference, y);
        for (var i = 0; i < expected.Count; i++) Close(expected[i], got[i]);
    }

    [Fact]
    public void Weights_learn_although_the_input_is_fixed()
    {
        using var scope = NewDisposeScope();
        using var norm = new GroupNorm(2, 8, 1e-5, "silu");
        RandomWeights.Fill(norm, 1);
        norm.SetRequiresGrad(true);
        var x = randn(1, 3, 3, 8).permute(0, 3, 1, 2);
        var gradients = autograd.grad([norm.Forward(x).square().sum()], [.. norm.NamedWeights().Select(w => w.Value.Value)]);
        Assert.All(gradients, g => Assert.True(g.abs().sum().item<float>() > 0));
    }

    static void Close(Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        var scale = expected.abs().max().item<double>();
        Assert.InRange((expected - actual.to(ScalarType.Float64)).abs().max().item<double>(), 0, 2e-6 * Math.Max(scale, 1));
    }
}
