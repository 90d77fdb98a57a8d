using Cones.Concepts;
using Cones.Models;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using Cones.Models.Weights;

namespace Cones.Tasks.Generation;

/// <summary>
/// A text-to-image model as the search sees it: the frozen denoiser and what is known of it. Text encoder and autoencoder
/// are loaded when they are asked for, since most of a search needs neither.
/// </summary>
public sealed class GenerationModel : IDisposable
{
    readonly LoadOptions _options;

    GenerationModel(string folder, LoadOptions options)
    {
        Folder = folder;
        _options = options;
        UNet = UNet2DConditionModel.FromFolder(Path.Combine(folder, "unet"), options);
        Schedule = NoiseSchedule.FromFolder(Path.Combine(folder, "scheduler"), options.Device);
        VaeConfig = AutoencoderKLConfig.FromFile(Path.Combine(folder, "vae", "config.json"));
    }

    /// <summary>The model's folder.</summary>
    public string Folder { get; }

    /// <summary>The denoiser, frozen.</summary>
    public UNet2DConditionModel UNet { get; }

    /// <summary>How much noise each timestep adds.</summary>
    public NoiseSchedule Schedule { get; }

    /// <summary>The autoencoder's configuration.</summary>
    public AutoencoderKLConfig VaeConfig { get; }

    /// <summary>Whether the model takes a pooled embedding and size ids.</summary>
    public bool IsXL => UNet.Config.HasTextTime;

    /// <summary>The family's name in concept files.</summary>
    public string Family => IsXL ? "stable-diffusion-xl" : "stable-diffusion";

    /// <summary>The side in pixels that the model was trained for.</summary>
    public int Resolution => (UNet.Config.SampleSize > 0 ? UNet.Config.SampleSize : 64) * VaeConfig.Reduction;

    /// <summary>Loads a diffusers folder.</summary>
    /// <exception cref="ConesException">The folder is no such model, or a part of it is broken.</exception>
    public static GenerationModel FromFolder(string folder, LoadOptions? options = null)
    {
        if (!Directory.Exists(folder))
            throw new ConesException($"{folder} does not exist: give the folder of a text-to-image model (diffusers layout)");
        if (!File.Exists(Path.Combine(folder, "unet", "config.json")))
            throw new ConesException($"{folder} is not a text-to-image model: unet/config.json is missing");
        return new GenerationModel(folder, options ?? new LoadOptions());
    }

    /// <summary>Loads the text encoder(s); the caller disposes them.</summary>
    public TextSide LoadText() => TextSide.FromFolder(Folder, _options);

    /// <summary>Loads the autoencoder; the caller disposes it.</summary>
    public AutoencoderKL LoadVae() => AutoencoderKL.FromFolder(Path.Combine(Folder, "vae"), _options);

    /// <summary>Which concepts fit this model.</summary>
    public string Fingerprint() => FingerprintOf(Folder);

    /// <summary>The fingerprint of a model folder, without loading weights.</summary>
    public static string FingerprintOf(string folder)
    {
        string[] parts = [Path.Combine(folder, "unet", "config.json"), Path.Combine(folder, "text_encoder", "config.json"), Path.Combine(folder, "text_encoder_2", "config.json")];
        return ModelFingerprint.Compute(parts.Where((p, i) => i < 2 || File.Exists(p)), UNet2DConditionConfig.FromFile(parts[0]).CrossAttentionDim);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        UNet.Dispose();
        Schedule.Dispose();
    }
}
