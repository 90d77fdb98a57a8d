using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

/// <summary>Large products go through the program's own kernel: it must be as exact as LibTorch's, at every shape.</summary>
public sealed class LinearTests
{
    [Theory]
    [InlineData(4096, 64, 64)]
    [InlineData(77, 768, 160)]
    [InlineData(1000, 100, 333)] // no multiple of any tile
    [InlineData(9, 1283, 1031)]
    [InlineData(128, 2560, 48)] // deeper than a block
    public void Values_and_gradients_agree_with_float64(long rows, long inFeatures, long outFeatures)
    {
        using var scope = NewDisposeScope();
        using var linear = new Linear(inFeatures, outFeatures);
        RandomWeights.Fill(linear, 1);
        var weights = linear.NamedWeights().ToDictionary(w => w.Key, w => w.Value);
        weights["bias"].Assign(randn(outFeatures, generator: new Generator(2)));
        using var generator = new Generator(3);
        var x = randn([2, rows / 2, inFeatures], generator: generator).requires_grad_();
        var cotangent = randn([2, rows / 2, outFeatures], generator: generator);

        var y = linear.Forward(x);
        var gradient = autograd.grad([y], [x], [cotangent])[0];

        var weight = weights["weight"].Value.to(ScalarType.Float64);
        Compare.Close(x.detach().to(ScalarType.Float64).matmul(weight.t()) + weights["bias"].Value.to(ScalarType.Float64), y, 1e-5);
        Compare.Close(cotangent.to(ScalarType.Float64).matmul(weight), gradient, 1e-5);
    }

    [Fact]
    public void The_result_does_not_depend_on_the_number_of_threads()
    {
        using var scope = NewDisposeScope();
        using var linear = new Linear(300, 500);
        RandomWeights.Fill(linear, 1);
        var x = randn([1000, 300], generator: new Generator(3));
        var before = get_num_threads();
        try
        {
            set_num_threads(1);
            var alone = linear.Forward(x);
            set_num_threads(3);
            Assert.True(linear.Forward(x).equal(alone).all().item<bool>());
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void Views_and_trainable_weights_give_the_same()
    {
        using var scope = NewDisposeScope();
        using var linear = new Linear(256, 512);
        RandomWeights.Fill(linear, 1);
        var x = randn([256, 4, 64], generator: new Generator(3)).transpose(0, 1).reshape(4, 64, 256).transpose(0, 1); // not contiguous
        var frozen = linear.Forward(x);
        linear.SetRequiresGrad(true);
        var trainable = linear.Forward(x);
        trainable.sum().backward();

        Compare.Close(trainable.detach(), frozen, 1e-5);
        Assert.All(linear.NamedWeights(), w => Assert.True(w.Value.Value.grad!.abs().max().item<float>() > 0));
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        using var linear = new Linear(256, 512);
        RandomWeights.Fill(linear, 1);
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope())
        {
            var x = randn([128, 256]).requires_grad_();
            OneTimeGraph.Backward(linear.Forward(x).sum());
        }

        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
