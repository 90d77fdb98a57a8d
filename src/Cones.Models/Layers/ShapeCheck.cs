using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>Shape checks ahead of native code, where a wrong shape ends the process.</summary>
static class ShapeCheck
{
    /// <summary>In <see cref="Require"/>: any size of at least 1.</summary>
    public const long Any = -1;

    /// <summary>A shape for messages; <see cref="Any"/> is written <c>*</c>.</summary>
    public static string Text(params ReadOnlySpan<long> shape) => $"[{string.Join(",", shape.ToArray().Select(n => n == Any ? "*" : $"{n}"))}]";

    /// <summary>Checks a shape.</summary>
    /// <param name="name">The parameter, for the message.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="expected">The sizes; <see cref="Any"/> where a size is free.</param>
    /// <exception cref="ArgumentException">The shape is another; the message holds both.</exception>
    public static void Require(string name, Tensor tensor, params ReadOnlySpan<long> expected)
    {
        var shape = tensor.shape;
        var fits = shape.Length == expected.Length;
        for (var i = 0; fits && i < shape.Length; i++) fits = expected[i] == Any ? shape[i] > 0 : shape[i] == expected[i];
        if (!fits) throw new ArgumentException($"{name} must be {Text(expected)}, not {Text(shape)}", name);
    }
}
