using Cones.Models.Layers;
using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class ReluMlpTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(12, 40, 7, 5)]
    [InlineData(256, 2048, 256, 1100)] // several parts, the last one shorter
    [InlineData(3, 8, 1, 1)]
    public void It_is_two_layers_with_a_relu_between_them(int inFeatures, int wide, int outFeatures, int rows)
    {
        using var first = Filled(inFeatures, wide);
        using var second = Filled(wide, outFeatures);
        var x = randn([2, rows, inFeatures], generator: new Generator(7)).requires_grad_();
        var plain = nn.functional.linear(nn.functional.linear(x, first.Matrix, first.Bias).relu(), second.Matrix, second.Bias);
        Assert.True(ReluMlpFunction.Accepts(x, first, second));
        var joined = ReluMlpFunction.Apply(x, first, second);
        Close(plain, joined);
        var gradient = randn(plain.shape, generator: new Generator(8));
        // Of millions of activations some are so close to zero that rounding decides their sign: all but those agree.
        var (expected, actual) = (autograd.grad([plain], [x], [gradient])[0], autograd.grad([joined], [x], [gradient])[0]);
        Assert.True(((expected - actual).norm() / expected.norm()).item<float>() < 1e-3);
        using var noGrad = no_grad();
        Close(plain, ReluMlpFunction.Apply(x, first, second));
    }

    [Fact]
    public void A_gradient_that_is_not_contiguous_is_taken()
    {
        using var first = Filled(6, 16);
        using var second = Filled(16, 4);
        var x = randn(3, 5, 6).requires_grad_();
        var gradient = randn(4, 5, 3).transpose(0, 2);
        var y = ReluMlpFunction.Apply(x, first, second);
        var plain = nn.functional.linear(nn.functional.linear(x, first.Matrix, first.Bias).relu(), second.Matrix, second.Bias);
        Close(autograd.grad([plain], [x], [gradient])[0], autograd.grad([y], [x], [gradient])[0]);
        Close(plain.transpose(0, 1), ReluMlpFunction.Apply(x.transpose(0, 1), first, second));
    }

    [Fact]
    public void Zero_has_no_gradient_and_what_is_no_number_stays_none()
    {
        using var first = Filled(2, 8);
        using var second = Filled(8, 2);
        first.Bias!.zero_();
        var x = zeros(1, 2).requires_grad_();
        Assert.Equal(0, autograd.grad([ReluMlpFunction.Apply(x, first, second).sum()], [x])[0].abs().sum().item<float>());
        Assert.True(ReluMlpFunction.Apply(full([1, 2], double.NaN), first, second).isnan().all().item<bool>());
    }

    [Fact]
    public void Other_types_trainable_weights_and_odd_widths_are_left_to_others()
    {
        using var first = Filled(4, 8);
        using var second = Filled(8, 4);
        using var odd = Filled(4, 9);
        var x = randn(2, 4);
        Assert.True(ReluMlpFunction.Accepts(x, first, second));
        Assert.False(ReluMlpFunction.Accepts(x.to(ScalarType.Float64), first, second));
        Assert.False(ReluMlpFunction.Accepts(x, odd, second));
        second.SetRequiresGrad(true);
        Assert.False(ReluMlpFunction.Accepts(x, first, second));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void No_tensor_is_left_behind(bool training)
    {
        using var first = Filled(4, 8);
        using var second = Filled(8, 4);
        var x = randn(2, 4).requires_grad_(training);
        // Layers keep packed forms of their weights.
        foreach (var layer in (Linear[])[first, second])
        {
            layer.Packed(transposed: true);
            layer.Packed(transposed: false);
        }

        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope())
        {
            var y = ReluMlpFunction.Apply(x, first, second);
            if (training) autograd.grad([y.sum()], [x]);
        }

        GradientHandles.FreeLast();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    static Linear Filled(int inFeatures, int outFeatures)
    {
        var layer = new Linear(inFeatures, outFeatures);
        using var generator = new Generator(5, CPU);
        foreach (var (_, weight) in layer.NamedWeights()) weight.Assign(randn([.. weight.Shape], generator: generator).mul_(1 / Math.Sqrt(inFeatures)));
        return layer;
    }

    static void Close(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(expected.allclose(actual, rtol: 1e-4, atol: 1e-5));
    }
}
