using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Imaging;

/// <summary>
/// Outputs <c>out.INPUT.MODE</c> of the output's size and <c>out.scale.MODE_FACTOR</c>, with the gradients where given.
/// Suffixes of a mode: <c>_corners</c>, <c>_antialias</c>, <c>_recompute</c>.
/// </summary>
sealed class InterpolateRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["image-torch-interpolate"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        foreach (var (name, expected) in golden.Tensors.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
        {
            using var scope = NewDisposeScope();
            var parts = name.Split('.', 3);
            var x = golden.Tensors[$"in.{parts[1]}"].clone().requires_grad_();
            var y = Interpolate(x, parts[2].Split('_'), parts[1] == "scale", expected.shape[2..]);
            result.Check(name, y);

            var gradient = $"grad.{parts[1]}.{parts[2]}";
            if (!golden.Tensors.ContainsKey(gradient)) continue;
            (y * golden.Tensors[$"in.cotangent.{parts[1]}"]).sum().backward();
            result.Check(gradient, x.grad!);
        }

        result.RequireAllOutputs();
    }

    static Tensor Interpolate(Tensor x, string[] options, bool byFactor, long[] size)
    {
        var mode = Enum.Parse<InterpolationMode>(options[0].Replace("-", "", StringComparison.Ordinal), ignoreCase: true);

        // Without the option LibTorch warns for nearest-exact too, where it has no meaning.
        bool? corners = mode is InterpolationMode.Nearest or InterpolationMode.Area ? null : options.Contains("corners");
        var factor = byFactor ? double.Parse(options[1], CultureInfo.InvariantCulture) : 0;
        return nn.functional.interpolate(
            x,
            byFactor ? null : size,
            byFactor ? [factor, factor] : null,
            mode,
            corners,
            options.Contains("recompute"),
            options.Contains("antialias"));
    }
}
