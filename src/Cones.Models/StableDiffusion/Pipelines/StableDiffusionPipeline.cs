using System.Text.Json.Nodes;
using Cones.Models.Clip;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>Stable Diffusion 1.x and 2.x: one text encoder, whose last normalised hidden state the denoiser sees.</summary>
public sealed class StableDiffusionPipeline : DiffusionPipeline
{
    readonly PromptEncoder? _text;

    /// <summary>A pipeline of loaded parts, which it owns from now on.</summary>
    /// <param name="unet">The denoiser.</param>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="scheduler">The scheduler to use where the options name none.</param>
    /// <param name="text">Tokenizer and text encoder; null generates from encodings only.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public StableDiffusionPipeline(UNet2DConditionModel unet, AutoencoderKL vae, SchedulerConfig scheduler, PromptEncoder? text = null)
        : base(unet, vae, scheduler)
    {
        if (unet.Config.HasTextTime) throw new ArgumentException("this is the denoiser of Stable Diffusion XL", nameof(unet));
        if (text is not null && text.Encoder.Config.HiddenSize != unet.Config.PromptDim)
            throw new ArgumentException($"the text encoder is {text.Encoder.Config.HiddenSize} wide, the denoiser expects {unet.Config.PromptDim}", nameof(text));
        _text = text;
    }

    /// <inheritdoc/>
    public override double DefaultGuidanceScale => 7.5;

    /// <summary>Loads a diffusers folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device; the autoencoder is always float32.</param>
    /// <exception cref="ConesException">A part is missing, broken or not supported.</exception>
    public static new StableDiffusionPipeline FromFolder(string folder, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        var index = ModelIndex.FromFolder(folder);
        if (index.IsXL) throw new ConesException($"{folder} is a Stable Diffusion XL model, not Stable Diffusion 1.x or 2.x");
        return new(
            UNet2DConditionModel.FromFolder(index.Part("unet"), options),
            AutoencoderKL.FromFolder(index.Part("vae"), options with { Type = ScalarType.Float32 }),
            Modernized(SchedulerConfig.FromFile(Path.Combine(index.Part("scheduler"), Schedulers.Scheduler.ConfigName))),
            new PromptEncoder(ClipTokenizer.FromFolder(index.Part("tokenizer")), ClipTextModel.FromFolder(index.Part("text_encoder"), options)));
    }

    /// <inheritdoc/>
    public override PromptEncoding EncodePrompt(IReadOnlyList<string> prompts, int? clipSkip = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var text = _text ?? throw new InvalidOperationException("this pipeline has no text encoder: generate from encodings");
        var layers = text.Encoder.Config.NumHiddenLayers;
        if (clipSkip is < 0 || clipSkip > layers) throw new ArgumentOutOfRangeException(nameof(clipSkip), clipSkip, $"0 to {layers} layers can be left out");
        var warnings = new List<string>();
        var output = text.Encode(prompts, warnings);
        var embeds = clipSkip is { } skip ? text.Encoder.NormalizeHidden(output.HiddenStates[^(skip + 1)]) : output.LastHiddenState;
        return new(new(embeds.MoveToOuterDisposeScope()), warnings);
    }

    /// <inheritdoc/>
    /// <remarks>No negative prompt is an empty text here. Clip skip does not apply.</remarks>
    public override PromptEncoding EncodeNegativePrompt(IReadOnlyList<string>? negativePrompts, TextConditioning like) => EncodePrompt(negativePrompts ?? [""]);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _text?.Dispose();
        base.Dispose();
    }

    private protected override AddedConditions? Added(Tensor? pooled, ImageSizes sizes, int height, int width) => null;

    // Early files lack two options that the class has other defaults for; diffusers corrects them in the same way.
    internal static SchedulerConfig Modernized(SchedulerConfig config)
    {
        var changes = new JsonObject();
        if (config.StepsOffset != 1) changes["steps_offset"] = 1;
        if (config.ClipSample && config.ClassName is SchedulerClasses.Ddpm or SchedulerClasses.Ddim) changes["clip_sample"] = false;
        return config.With(changes);
    }
}
