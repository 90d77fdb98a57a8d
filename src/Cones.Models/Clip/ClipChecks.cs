using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>Shape checks ahead of native code, where a wrong shape ends the process.</summary>
static class ClipChecks
{
    public static string Text(ReadOnlySpan<long> shape) => $"[{string.Join(",", shape.ToArray())}]";

    public static void Shape(string name, Tensor tensor, ReadOnlySpan<long> expected)
    {
        if (!tensor.shape.AsSpan().SequenceEqual(expected))
            throw new ArgumentException($"{name} must be {Text(expected)}, not {Text(tensor.shape)}", name);
    }

    public static void LastDimension(string name, Tensor tensor, long expected)
    {
        if (tensor.dim() < 1 || tensor.shape[^1] != expected)
            throw new ArgumentException($"{name} must be [..., {expected}], not {Text(tensor.shape)}", name);
    }
}
