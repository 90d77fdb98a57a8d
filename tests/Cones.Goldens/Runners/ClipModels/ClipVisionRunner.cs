using Cones.Models.Clip;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.ClipModels;

/// <summary>The vision tower.</summary>
public sealed class ClipVisionRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["clip-vision", "clip-vision-proj"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = ClipVisionModel.FromFolder(golden.PathOf("model"));
        result.ExpectEqual(golden.Kind == "clip-vision-proj", model.HasProjection, "projection");
        var pixels = golden.Tensors["in.pixel_values"].detach().requires_grad_();
        var output = model.Forward(pixels);
        ClipTowerCase.Check(golden, result, "", "pixel_values", new(pixels, output.HiddenStates, new Dictionary<string, Tensor?>
        {
            ["last_hidden_state"] = output.LastHiddenState,
            ["pooler_output"] = output.PooledOutput,
            ["image_embeds"] = output.ImageEmbeds,
        }));
        result.RequireAllOutputs();
    }
}
