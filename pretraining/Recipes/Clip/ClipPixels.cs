using System.Text.Json;
using System.Text.Json.Nodes;
using Cones.Models;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Clip;

/// <summary>The pixels that a CLIP takes: mean and deviation of every channel, of values in [0, 1].</summary>
sealed record ClipPixels(IReadOnlyList<float> Mean, IReadOnlyList<float> Deviation)
{
    const string FileName = "preprocessor_config.json";

    /// <summary>Those of OpenAI's models.</summary>
    public static readonly ClipPixels Default = new([0.48145466f, 0.4578275f, 0.40821073f], [0.26862954f, 0.26130258f, 0.27577711f]);

    /// <summary>Those that a model's folder says; the default where it says nothing.</summary>
    /// <exception cref="ConesException">The file is broken.</exception>
    public static ClipPixels Of(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return Default;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            float[] Values(string name) => [.. json.RootElement.GetProperty(name).EnumerateArray().Select(v => v.GetSingle())];
            return new ClipPixels(Values("image_mean"), Values("image_std"));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ConesException($"{path} does not say image_mean and image_std ({e.Message}): download the model again", e);
        }
    }

    /// <summary>Maps [B, 3, H, W] in [-1, 1] to this mean and deviation.</summary>
    public Tensor Normalize(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var mean = tensor(Mean.ToArray()).reshape(1, 3, 1, 1);
        var deviation = tensor(Deviation.ToArray()).reshape(1, 3, 1, 1);
        return ((((pixels + 1) / 2) - mean) / deviation).MoveToOuterDisposeScope();
    }

    /// <summary>Writes the file into a model's folder, for square images.</summary>
    public void Save(string folder, int side) => ModelWriter.WriteJson(Path.Combine(folder, FileName), new JsonObject
    {
        ["image_processor_type"] = "CLIPImageProcessor",
        ["do_resize"] = true,
        ["size"] = new JsonObject { ["shortest_edge"] = side },
        ["resample"] = 3,
        ["do_center_crop"] = true,
        ["crop_size"] = new JsonObject { ["height"] = side, ["width"] = side },
        ["do_rescale"] = true,
        ["rescale_factor"] = 1 / 255.0,
        ["do_normalize"] = true,
        ["image_mean"] = new JsonArray([.. Mean.Select(v => (JsonNode)v)]),
        ["image_std"] = new JsonArray([.. Deviation.Select(v => (JsonNode)v)]),
    });
}
