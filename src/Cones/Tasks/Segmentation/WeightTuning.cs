using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>The method <c>full</c>: the model's own weights are what is searched.</summary>
static class WeightTuning
{
    /// <summary>Lets gradients into the weights of some names, and names them as parameters.</summary>
    public static IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(Module model, Func<string, bool> isTuned)
    {
        var parameters = new List<KeyValuePair<string, Tensor>>();
        foreach (var (name, weight) in model.NamedWeights().Where(w => isTuned(w.Key)))
        {
            weight.Value.requires_grad_(true);
            weight.MarkChanged();
            parameters.Add(new(name, weight.Value));
        }

        return parameters;
    }

    /// <summary>Writes a model's weights as transformers names them.</summary>
    public static void Save(Module model, string folder) => SafetensorsWriter.Write(
        Path.Combine(folder, "model.safetensors"),
        model.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value.detach()),
        new Dictionary<string, string> { ["format"] = "pt" });
}
