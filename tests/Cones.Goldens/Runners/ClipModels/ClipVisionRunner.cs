using Cones.Models.Clip;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.ClipModels;

/// <summary>Kind <c>clip-vision-proj</c>: hidden states, projected embedding and gradients with respect to the pixels.</summary>
sealed class ClipVisionRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["clip-vision-proj"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = ClipVisionModel.FromFolder(golden.PathOf("model"));
        var pixels = golden.Tensors["in.pixel_values"].clone().requires_grad_();
        var output = model.Forward(pixels);
        result.Check("out.last_hidden_state", output.LastHiddenState);
        result.Check("out.image_embeds", output.ImageEmbeds!);
        for (var i = 0; i < output.HiddenStates.Count; i++)
            if (golden.Tensors.ContainsKey($"mid.hidden_states.{i}")) result.Check($"mid.hidden_states.{i}", output.HiddenStates[i]);

        (output.ImageEmbeds! * golden.Tensors["in.cot_embeds"]).sum().backward(retain_graph: true);
        result.Check("grad.pixel_values.of_image_embeds", pixels.grad!);
        pixels.grad!.zero_();
        (output.LastHiddenState * golden.Tensors["in.cot_hidden"]).sum().backward();
        result.Check("grad.pixel_values.of_last", pixels.grad!);
        result.RequireAllOutputs();
    }
}
