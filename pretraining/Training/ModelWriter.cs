using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Training;

/// <summary>Writes model folders as diffusers and transformers lay them out.</summary>
static class ModelWriter
{
    static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes <c>config.json</c> and the weights.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">The weights' file name.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="weights">The weights by key.</param>
    public static void Save(string folder, string file, JsonObject config, IReadOnlyDictionary<string, Tensor> weights)
    {
        Directory.CreateDirectory(folder);
        WriteJson(Path.Combine(folder, "config.json"), config);
        SaveWeights(Path.Combine(folder, file), weights);
    }

    /// <summary>Writes weights as a safetensors file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="weights">The weights by key.</param>
    public static void SaveWeights(string path, IReadOnlyDictionary<string, Tensor> weights)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(path, weights.ToDictionary(w => w.Key, w => w.Value.detach()), new Dictionary<string, string> { ["format"] = "pt" });
    }

    /// <summary>The weights of a module by key.</summary>
    public static Dictionary<string, Tensor> Weights(Module module) => module.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value);

    /// <summary>Writes indented JSON, atomically.</summary>
    public static void WriteJson(string path, JsonNode json) => WriteText(path, json.ToJsonString(s_json) + "\n");

    /// <summary>Writes a text file, atomically.</summary>
    public static void WriteText(string path, string text) => AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
