using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam;

/// <summary>Checks of numbers ahead of native code, where a wrong shape ends the process.</summary>
static class SamChecks
{
    public static string Text(ReadOnlySpan<long> shape) => $"[{string.Join(",", shape.ToArray())}]";

    /// <summary>Demands a shape; -1 stands for any length of at least 1.</summary>
    public static void Shape(string name, Tensor tensor, string meaning, params ReadOnlySpan<long> expected)
    {
        var shape = tensor.shape;
        var fits = shape.Length == expected.Length;
        for (var i = 0; fits && i < shape.Length; i++) fits = expected[i] < 0 ? shape[i] > 0 : shape[i] == expected[i];
        if (!fits)
            throw new ArgumentException($"{name} must be {meaning} = {Text(expected).Replace("-1", "?", StringComparison.Ordinal)}, not {Text(shape)}", name);
    }

    public static void Positive(params ReadOnlySpan<(string Name, int Value)> values)
    {
        foreach (var (name, value) in values)
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");
    }

    public static void Epsilon(double value)
    {
        if (!(value > 0)) throw new ArgumentException($"layer_norm_eps is {value}, but must be above 0");
    }

    public static void Multiple(string name, int value, string ofName, int of)
    {
        if (value % of != 0) throw new ArgumentException($"{name} {value} is not a multiple of {ofName} {of}");
    }

    public static void Activation(string name)
    {
        try
        {
            Activations.Named(name);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"hidden_act: {e.Message}", e);
        }
    }
}
