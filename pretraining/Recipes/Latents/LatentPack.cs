using System.Text.Json;
using Cones.Models;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Latents;

/// <summary>What a latent shows.</summary>
/// <param name="Icon">The drawing's position in the pack of icons.</param>
/// <param name="Background">The background's name.</param>
sealed record LatentEntry(int Icon, string Background);

/// <summary>Latents in one file.</summary>
/// <param name="Entries">What each shows.</param>
/// <param name="Values">[N, C, h, w], float16, scaled as the UNet sees them.</param>
sealed record LatentPack(IReadOnlyList<LatentEntry> Entries, Tensor Values)
{
    /// <summary>The file's name.</summary>
    public const string FileName = "latents.safetensors";

    /// <summary>Reads the pack of a folder.</summary>
    /// <exception cref="ConesException">There is none, or it is broken.</exception>
    public static LatentPack Open(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) throw new ConesException($"{path} is missing: run the recipe latents first");
        using var file = SafetensorsFile.Open(path);
        return new LatentPack(JsonSerializer.Deserialize<LatentEntry[]>(file.Metadata["entries"])!, file.Read("latents").DetachFromDisposeScope());
    }

    /// <summary>Writes the pack into a folder.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(
            Path.Combine(folder, FileName),
            new Dictionary<string, Tensor> { ["latents"] = Values },
            new Dictionary<string, string> { ["entries"] = JsonSerializer.Serialize(Entries) });
    }
}
