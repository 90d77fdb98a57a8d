using Cones.Models.Glip.Head;
using TorchSharp;
using static Cones.Models.Tests.Glip.GlipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

/// <summary>The kernels give what tensor operations give: those take over where the memory is not channels-last, or in double precision.</summary>
public sealed class DyConvTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void The_activation_is_the_same_in_either_layout()
    {
        using var model = Random();
        var relu = model.Head.Tower[0].Convolution.Activation;
        using var generator = new Generator(1, CPU);
        var (x, cotangent) = (randn([2, 32, 7, 9], generator: generator), randn([2, 32, 7, 9], generator: generator));
        x.narrow(1, 0, 3).zero_(); // the lines may meet at 0
        var (y, gradient) = Run(x.clone());
        var (yLast, gradientLast) = Run(ChannelsLast(x));
        Assert.True(Close(y, yLast));
        Assert.True(Close(gradient, gradientLast));

        (Tensor Y, Tensor Gradient) Run(Tensor input)
        {
            input = input.detach().requires_grad_();
            var result = relu.Forward(input);
            return (result, autograd.grad([(result * cotangent).sum()], [input])[0]);
        }
    }

    [Fact]
    public void The_convolution_is_the_same_in_double_precision()
    {
        using var single = Random();
        using var twice = Random();
        twice.To(CPU, ScalarType.Float64);
        var levels = Levels(2);
        var (outputs, gradients) = Run(single.Head.Tower[1].Convolution, ScalarType.Float32);
        var (exact, exactGradients) = Run(twice.Head.Tower[1].Convolution, ScalarType.Float64);
        for (var i = 0; i < 5; i++)
        {
            Assert.True(Close(outputs[i].to(ScalarType.Float64), exact[i]), $"P{i + 3}");
            Assert.True(Close(gradients[i].to(ScalarType.Float64), exactGradients[i], 1e-3), $"gradient of P{i + 3}");
        }

        (IReadOnlyList<Tensor> Outputs, IReadOnlyList<Tensor> Gradients) Run(DyConv convolution, ScalarType type)
        {
            var input = levels.Select(l => ChannelsLast(l.to(type)).detach().requires_grad_()).ToArray();
            var output = convolution.Forward(input);
            return (output, [.. autograd.grad([output.Select(o => (o * o).mean()).Aggregate((a, b) => a + b)], input)]);
        }
    }

    static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
}
