using Cones.Models.Configuration;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>What <c>model_index.json</c> says of a pipeline folder.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="IsXL">Whether it is Stable Diffusion XL.</param>
/// <param name="ForceZerosForEmptyPrompt">SDXL: whether no negative prompt means zeros instead of an encoded empty text.</param>
public sealed record ModelIndex(string Folder, bool IsXL, bool ForceZerosForEmptyPrompt)
{
    /// <summary>Reads the file of a folder.</summary>
    /// <exception cref="ConesException">The folder or the file is missing, or it is another kind of pipeline.</exception>
    public static ModelIndex FromFolder(string folder)
    {
        if (!Directory.Exists(folder)) throw new ConesException($"{folder} does not exist: give the folder of a Stable Diffusion model (diffusers layout)");
        var path = Path.Combine(folder, "model_index.json");
        if (!File.Exists(path)) throw new ConesException($"{path} is missing: {folder} is not the folder of a Stable Diffusion model (diffusers layout)");
        var reader = ConfigReader.Open(path);
        var name = reader.Text("_class_name", "");
        // The image-to-image pipelines are shipped with the same parts.
        var isXL = name switch
        {
            "StableDiffusionPipeline" or "StableDiffusionImg2ImgPipeline" => false,
            "StableDiffusionXLPipeline" or "StableDiffusionXLImg2ImgPipeline" => true,
            _ => throw new ConesException($"{path}: pipeline '{name}' is not supported (StableDiffusionPipeline, StableDiffusionXLPipeline)"),
        };
        if (reader.Bool("requires_aesthetics_score", false))
            throw new ConesException($"{path}: the SDXL refiner is not supported; give the folder of the base model");
        return new(folder, isXL, reader.Bool("force_zeros_for_empty_prompt", true));
    }

    /// <summary>The folder of a part.</summary>
    public string Part(string name) => Path.Combine(Folder, name);
}
