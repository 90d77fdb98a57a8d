using Cones.Models.StableDiffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.StableDiffusion;

public class HalfPrecisionTests
{
    [Theory]
    [InlineData(ScalarType.BFloat16, 0.03)]
    [InlineData(ScalarType.Float16, 0.005)]
    public void Forward_and_gradient_are_those_of_float32_up_to_rounding(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var whole = SmallModels.UNet();
        using var half = SmallModels.UNet();
        half.To(CPU, type);
        using var generator = new Generator(3);
        var sample = randn([2, 4, 8, 8], generator: generator);
        var prompt = randn([2, 5, 6], generator: generator);
        var timesteps = tensor([3L, 700L]);

        var (expected, expectedGradient) = Run(whole, ScalarType.Float32);
        var (actual, gradient) = Run(half, type);
        Assert.Equal(type, actual.dtype);
        Assert.True(Distance(expected, actual) < tolerance, $"{Distance(expected, actual)}");
        Assert.True(Distance(expectedGradient, gradient) < 3 * tolerance, $"{Distance(expectedGradient, gradient)}");

        (Tensor Output, Tensor Gradient) Run(UNet2DConditionModel unet, ScalarType inside)
        {
            var states = prompt.clone().requires_grad_();
            var output = unet.Forward(sample.to(inside), timesteps, new CrossAttentionStates(states.to(inside)));
            output.to(ScalarType.Float32).square().sum().backward();
            return (output, states.grad!);
        }

        static float Distance(Tensor a, Tensor b) => ((a - b).norm() / a.norm()).item<float>();
    }
}
