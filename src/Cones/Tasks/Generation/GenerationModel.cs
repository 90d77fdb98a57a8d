using Cones.Concepts;
using Cones.Models;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>
/// A text-to-image model as the search sees it: configurations, and parts that are loaded when they are asked for, since they are
/// hardly ever needed at the same time.
/// </summary>
public sealed class GenerationModel : IDisposable
{
    readonly LoadOptions _options;
    UNet2DConditionModel? _unet;

    GenerationModel(string folder, string denoiser, LoadOptions options, UNet2DConditionConfig unet, AutoencoderKLConfig vae)
    {
        Folder = folder;
        DenoiserFolder = denoiser;
        _options = options;
        UNetConfig = unet;
        VaeConfig = vae;
        using (var bare = new UNet2DConditionModel(unet)) CrossAttentionLayers = bare.CrossAttentionLayers.Count;
        Schedule = NoiseSchedule.FromFolder(Path.Combine(folder, "scheduler"), options.Device);
    }

    /// <summary>The model's folder.</summary>
    public string Folder { get; }

    /// <summary>The denoiser's folder: <c>unet</c> of the model, or that of fine-tuned weights.</summary>
    public string DenoiserFolder { get; }

    /// <summary>The denoiser's configuration.</summary>
    public UNet2DConditionConfig UNetConfig { get; }

    /// <summary>The autoencoder's configuration.</summary>
    public AutoencoderKLConfig VaeConfig { get; }

    /// <summary>The number of the denoiser's layers that attend to the prompt.</summary>
    public int CrossAttentionLayers { get; }

    /// <summary>The denoiser, frozen; loaded at the first call.</summary>
    /// <exception cref="ConesException">Its weights are missing or broken.</exception>
    public UNet2DConditionModel UNet => _unet ??= UNet2DConditionModel.FromFolder(DenoiserFolder, _options);

    /// <summary>Whether the denoiser is loaded.</summary>
    public bool IsLoaded => _unet is not null;

    /// <summary>The device of all parts.</summary>
    public Device Device => _options.Device;

    /// <summary>The type of the denoiser's weights.</summary>
    public ScalarType Precision => _options.Type;

    /// <summary>How much noise each timestep adds.</summary>
    public NoiseSchedule Schedule { get; }

    /// <summary>Whether the model takes a pooled embedding and size ids.</summary>
    public bool IsXL => UNetConfig.HasTextTime;

    /// <summary>The family's name in concept files.</summary>
    public string Family => IsXL ? "stable-diffusion-xl" : "stable-diffusion";

    /// <summary>The side in pixels that the model was trained for.</summary>
    public int Resolution => (UNetConfig.SampleSize > 0 ? UNetConfig.SampleSize : 64) * VaeConfig.Reduction;

    /// <summary>Opens a diffusers folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device.</param>
    /// <param name="denoiser">The folder of a denoiser that was trained further (the method <c>full</c>); null for the model's own.</param>
    /// <exception cref="ConesException">The folder is no such model, or a configuration in it is broken.</exception>
    public static GenerationModel FromFolder(string folder, LoadOptions? options = null, string? denoiser = null)
    {
        if (!Directory.Exists(folder))
            throw new ConesException($"{folder} does not exist: give the folder of a text-to-image model (diffusers layout)");
        if (!File.Exists(Path.Combine(folder, "unet", "config.json")))
            throw new ConesException($"{folder} is not a text-to-image model: unet/config.json is missing; give a folder in the layout of diffusers");
        if (File.Exists(Path.Combine(folder, "model_index.json"))) ModelIndex.FromFolder(folder); // refuses other pipelines
        var (unet, vae) = (UNet2DConditionConfig.FromFile(Path.Combine(folder, "unet", "config.json")), AutoencoderKLConfig.FromFile(Path.Combine(folder, "vae", "config.json")));
        if (unet.InChannels != vae.LatentChannels)
            throw new ConesException($"{folder} is no text-to-image model: its denoiser takes {unet.InChannels} channels, its autoencoder gives {vae.LatentChannels} (inpainting and the like are not supported)");
        if (unet.HasClasses)
            throw new ConesException($"{folder} is no text-to-image model: its denoiser takes class labels beside the prompt (upscalers and the like are not supported)");
        return new GenerationModel(folder, denoiser ?? Path.Combine(folder, "unet"), options ?? new LoadOptions(), unet, vae);
    }

    /// <summary>Loads the text encoder(s); the caller disposes them.</summary>
    /// <param name="type">The type of their weights; null for <see cref="Precision"/>.</param>
    /// <exception cref="ConesException">A part is missing or broken, or they do not suit the denoiser.</exception>
    public TextSide LoadText(ScalarType? type = null)
    {
        var text = TextSide.FromFolder(Folder, _options with { Type = type ?? Precision });
        var width = text.Encoders.Sum(e => e.Config.HiddenSize);
        if (width == UNetConfig.PromptDim && text.IsXL == IsXL) return text;
        var count = text.Encoders.Count;
        text.Dispose();
        throw new ConesException($"{Folder} does not fit together: {count} text encoder(s) of {width} dimensions, the denoiser is made for {(IsXL ? 2 : 1)} of {UNetConfig.PromptDim}");
    }

    /// <summary>Loads the autoencoder, which is float32 whatever the precision: some overflow in float16. The caller disposes it.</summary>
    public AutoencoderKL LoadVae() => AutoencoderKL.FromFolder(Path.Combine(Folder, "vae"), _options with { Type = ScalarType.Float32 });

    /// <summary>Which concepts fit this model.</summary>
    public string Fingerprint() => FingerprintOf(Folder);

    /// <summary>The fingerprint of a model folder, without loading weights.</summary>
    public static string FingerprintOf(string folder)
    {
        string[] parts = [Path.Combine(folder, "unet", "config.json"), Path.Combine(folder, "text_encoder", "config.json"), Path.Combine(folder, "text_encoder_2", "config.json")];
        return ModelFingerprint.Compute(parts.Where((p, i) => i < 2 || File.Exists(p)), UNet2DConditionConfig.FromFile(parts[0]).PromptDim);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _unet?.Dispose();
        Schedule.Dispose();
    }
}
