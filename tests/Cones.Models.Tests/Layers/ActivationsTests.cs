using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class ActivationsTests
{
    // Values at -1, 0.5 and 2.
    [Theory]
    [InlineData("quick_gelu", -0.154204, 0.350388, 1.935659)]
    [InlineData("gelu", -0.158655, 0.345731, 1.954500)]
    [InlineData("gelu_new", -0.158808, 0.345714, 1.954598)]
    [InlineData("gelu_pytorch_tanh", -0.158808, 0.345714, 1.954598)]
    [InlineData("relu", 0, 0.5, 2)]
    [InlineData("silu", -0.268941, 0.311230, 1.761594)]
    [InlineData("swish", -0.268941, 0.311230, 1.761594)]
    [InlineData("SiLU", -0.268941, 0.311230, 1.761594)]
    [InlineData("mish", -0.303401, 0.375245, 1.943959)]
    [InlineData("gelu_fast", -0.158808, 0.345714, 1.954598)]
    [InlineData("gelu_10", -0.158655, 0.345731, 1.954500)]
    [InlineData("relu2", 0, 0.25, 4)]
    [InlineData("relu6", 0, 0.5, 2)]
    [InlineData("leaky_relu", -0.01, 0.5, 2)]
    [InlineData("sigmoid", 0.268941, 0.622459, 0.880797)]
    [InlineData("tanh", -0.761594, 0.462117, 0.964028)]
    [InlineData("linear", -1, 0.5, 2)]
    public void Functions_by_name(string name, double a, double b, double c)
    {
        using var scope = NewDisposeScope();
        var y = Activations.Named(name)(tensor(new[] { -1, 0.5, 2 }));
        Assert.True(y.allclose(tensor(new[] { a, b, c }), rtol: 0, atol: 1e-6), string.Join(" ", y.data<double>()));
    }

    [Fact]
    public void An_unknown_name_is_refused_with_what_is_known()
    {
        var message = Assert.Throws<NotSupportedException>(() => Activations.Named("swoosh")).Message;
        Assert.Contains("swoosh", message);
        Assert.Contains("gelu_new", message);
    }
}
