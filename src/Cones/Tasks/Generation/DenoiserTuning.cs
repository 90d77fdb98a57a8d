using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>The method <c>full</c>: the denoiser's own weights are what is searched.</summary>
static class DenoiserTuning
{
    /// <summary>Lets gradients into the weights, and names them as parameters.</summary>
    public static IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(GenerationModel model) =>
        [.. model.UNet.Unfreeze(_ => true).Select(w => KeyValuePair.Create("unet." + w.Key, w.Value))];

    /// <summary>Writes the weights as <c>unet/</c> in a folder, in the layout of the model's own.</summary>
    public static void Save(GenerationModel model, string folder)
    {
        var target = Path.Combine(folder, "unet");
        Directory.CreateDirectory(target);
        SafetensorsWriter.Write(
            Path.Combine(target, "diffusion_pytorch_model.safetensors"),
            model.UNet.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value.detach()));
        File.Copy(Path.Combine(model.Folder, "unet", "config.json"), Path.Combine(target, "config.json"), overwrite: true);
    }
}
