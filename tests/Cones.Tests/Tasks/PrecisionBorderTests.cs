using Cones.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks;

public class PrecisionBorderTests
{
    [Fact]
    public void Gradients_too_small_for_float16_come_through()
    {
        using var scope = NewDisposeScope();
        const double tiny = 1e-9; // float16 ends at 6e-8
        Assert.Equal(tiny, Gradient(ScalarType.Float16, 1 << 20), 1e-12);
        Assert.Equal(tiny, Gradient(ScalarType.BFloat16, 1 << 20), 1e-11);
        Assert.Equal(tiny, Gradient(ScalarType.Float32, 1 << 20), 1e-15);
        Assert.Equal(0, Gradient(ScalarType.Float16, 1));

        // What is float32 inside is scaled as well: on its way back it meets what is not.
        var around = new PrecisionBorder(ScalarType.Float16, 8);
        var start = ones(1, requires_grad: true);
        around.Leave(around.Enter(start).to(ScalarType.Float32) * 3).sum().backward();
        Assert.Equal(3, start.grad!.item<float>());

        double Gradient(ScalarType inside, long elements)
        {
            var border = new PrecisionBorder(inside, elements);
            var x = ones(1, requires_grad: true);
            var y = border.Enter(x);
            Assert.Equal(inside, y.dtype);
            var z = border.Leave(y * 1);
            Assert.Equal((ScalarType.Float32, 1f), (z.dtype, z.item<float>()));
            (z * (float)tiny).sum().backward();
            return x.grad!.item<float>();
        }
    }
}
