using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class ConvTranspose2dTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(2, 3, 5, 2, 4, 6)]
    [InlineData(1, 4, 1, 3, 2, 1)]
    public void It_is_the_transposed_convolution_of_that_stride(long batch, long inChannels, long outChannels, long kernel, long height, long width)
    {
        using var layer = new ConvTranspose2d(inChannels, outChannels, kernel);
        foreach (var (_, weight) in layer.NamedWeights()) weight.Assign(randn([.. weight.Shape]));
        var (kernels, bias) = (layer.NamedWeights().First().Value.Value, layer.NamedWeights().Last().Value.Value);
        var x = randn(batch, inChannels, height, width).requires_grad_();
        var expected = nn.functional.conv_transpose2d(x, kernels, bias, strides: [kernel, kernel]);
        var y = layer.Forward(x);

        Assert.True(y.allclose(expected, rtol: 1e-5, atol: 1e-5));
        Assert.True(y.permute(0, 2, 3, 1).is_contiguous());
        var cotangent = randn(y.shape);
        Assert.True(autograd.grad([(y * cotangent).sum()], [x])[0].allclose(autograd.grad([(expected * cotangent).sum()], [x])[0], rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void Trainable_weights_get_the_same_gradients_before_and_after_a_frozen_pass()
    {
        using var layer = new ConvTranspose2d(4, 3, 2);
        foreach (var (_, weight) in layer.NamedWeights()) weight.Assign(randn([.. weight.Shape]));
        var x = randn(2, 4, 3, 3);
        layer.Forward(x); // derives another form of the kernel
        layer.SetRequiresGrad(true);
        Tensor[] weights = [.. layer.NamedWeights().Select(w => w.Value.Value)];
        var cotangent = randn(2, 3, 6, 6);
        var gradients = autograd.grad([(layer.Forward(x) * cotangent).sum()], weights);
        var expected = autograd.grad([(nn.functional.conv_transpose2d(x, weights[0], weights[1], strides: [2, 2]) * cotangent).sum()], weights);
        for (var i = 0; i < weights.Length; i++) Assert.True(gradients[i].allclose(expected[i], rtol: 1e-4, atol: 1e-5));
    }
}
