using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.ClipModels;

/// <summary>What one forward of a tower gave, by the names that the cases use.</summary>
sealed record ClipTowerForward(Tensor Input, IReadOnlyList<Tensor> HiddenStates, IReadOnlyDictionary<string, Tensor?> Outputs);

/// <summary>Compares one forward of a tower: outputs, hidden states, and gradients with respect to its input.</summary>
static class ClipTowerCase
{
    // The output and the cotangent behind each ending `of_...` of a gradient's name.
    static readonly Dictionary<string, (string Output, string Cotangent)> s_gradients = new()
    {
        ["last"] = ("last_hidden_state", "in.cot_hidden"),
        ["penultimate"] = ("penultimate", "in.cot_hidden"),
        ["pooled"] = ("pooler_output", "in.cot_pooled"),
        ["text_embeds"] = ("text_embeds", "in.cot_embeds"),
        ["image_embeds"] = ("image_embeds", "in.cot_embeds"),
    };

    /// <param name="golden">The case.</param>
    /// <param name="result">Receives the differences.</param>
    /// <param name="variant"><c>masked_</c>, <c>short_</c> or nothing.</param>
    /// <param name="inputName">The input that gradients are named after.</param>
    /// <param name="forward">What the model gave.</param>
    public static void Check(GoldenCase golden, GoldenResult result, string variant, string inputName, ClipTowerForward forward)
    {
        for (var i = 0; i < forward.HiddenStates.Count; i++)
            if (golden.Tensors.ContainsKey($"mid.{variant}hidden_states.{i}"))
                result.Check($"mid.{variant}hidden_states.{i}", forward.HiddenStates[i]);
        foreach (var (name, value) in forward.Outputs)
            if (golden.Tensors.ContainsKey($"out.{variant}{name}"))
                result.Check($"out.{variant}{name}", value ?? throw new InvalidOperationException($"the model gave no {name}"));

        var prefix = $"grad.{variant}{inputName}.of_";
        foreach (var name in golden.Tensors.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)))
        {
            if (!s_gradients.TryGetValue(name[prefix.Length..], out var source))
            {
                result.Fail($"{name}: no such output");
                continue;
            }

            var output = source.Output == "penultimate" ? forward.HiddenStates[^2] : forward.Outputs[source.Output]!;
            var cotangent = golden.Tensors[source.Cotangent];
            if (output.dim() == 3) cotangent = cotangent.slice(1, 0, output.shape[1], 1);
            result.Check(name, autograd.grad([(output * cotangent).sum()], [forward.Input], retain_graph: true)[0]);
        }
    }
}
