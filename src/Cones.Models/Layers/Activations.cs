using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>Activation functions by the names that configuration files use.</summary>
public static class Activations
{
    /// <summary>The function called <paramref name="name"/> in <c>hidden_act</c> or <c>act_fn</c>.</summary>
    /// <exception cref="NotSupportedException">The name is not known.</exception>
    /// <remarks>The names of <c>ACT2FN</c> in transformers; diffusers knows silu, swish, mish, gelu and relu, in any case.</remarks>
    public static Func<Tensor, Tensor> Named(string name) => name.ToLowerInvariant() switch
    {
        "quick_gelu" => QuickGelu,
        "gelu" or "gelu_python" => x => nn.functional.gelu(x),
        "gelu_new" or "gelu_pytorch_tanh" or "gelu_fast" or "gelu_accurate" or "gelu_python_tanh" => x => x.gelu(TorchSharp.Modules.GELU.Approximate.tanh),
        "gelu_10" => x => nn.functional.gelu(x).clamp(-10, 10),
        "relu" => x => nn.functional.relu(x),
        "relu2" => x => nn.functional.relu(x).square(),
        "relu6" => x => nn.functional.relu6(x),
        "leaky_relu" => x => nn.functional.leaky_relu(x, 0.01),
        "silu" or "swish" => x => nn.functional.silu(x),
        "mish" => x => nn.functional.mish(x),
        "sigmoid" => x => x.sigmoid(),
        "tanh" => x => x.tanh(),
        "linear" => x => x.alias(),
        _ => throw new NotSupportedException(
            $"activation '{name}' is not known (quick_gelu, gelu, gelu_new, gelu_fast, gelu_accurate, gelu_pytorch_tanh, relu, relu2, relu6, leaky_relu, silu, mish, sigmoid, tanh, linear)"),
    };

    /// <summary>Whether <paramref name="name"/> is SiLU, which is also called swish.</summary>
    public static bool IsSilu(string? name) => name?.ToLowerInvariant() is "silu" or "swish";

    /// <summary><c>x · sigmoid(1.702 x)</c>, the approximation that OpenAI's CLIP uses.</summary>
    public static Tensor QuickGelu(Tensor x) => x * (1.702 * x).sigmoid();

    /// <summary>The first half of the channels times the GELU of the second half, [..., 2 F] -> [..., F]; diffusers' <c>GEGLU</c>.</summary>
    public static Tensor Geglu(Tensor x)
    {
        if (GegluFunction.Accepts(x)) return GegluFunction.Apply(x);
        using var scope = NewDisposeScope();
        var halves = x.chunk(2, -1);
        return (halves[0] * nn.functional.gelu(halves[1])).MoveToOuterDisposeScope();
    }
}
