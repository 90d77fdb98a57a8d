using Cones.Models.Clip;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>
/// Stable Diffusion XL: the denoiser sees the last hidden states but one of two text encoders side by side, not normalised, the
/// pooled embedding of the second, and the sizes of the image.
/// </summary>
public sealed class StableDiffusionXLPipeline : DiffusionPipeline
{
    readonly IReadOnlyList<PromptEncoder> _texts;
    readonly bool _zerosForNoPrompt;

    /// <summary>A pipeline of loaded parts, which it owns from now on.</summary>
    /// <param name="unet">The denoiser.</param>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="scheduler">The scheduler to use where the options name none.</param>
    /// <param name="texts">Both text encoders in order; empty generates from encodings only.</param>
    /// <param name="zerosForNoPrompt">Whether no negative prompt means zeros (<c>force_zeros_for_empty_prompt</c>).</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public StableDiffusionXLPipeline(
        UNet2DConditionModel unet, AutoencoderKL vae, SchedulerConfig scheduler, IReadOnlyList<PromptEncoder> texts, bool zerosForNoPrompt = true)
        : base(unet, vae, scheduler)
    {
        if (!unet.Config.HasTextTime) throw new ArgumentException("this is not the denoiser of Stable Diffusion XL", nameof(unet));
        var width = texts.Sum(t => t.Encoder.Config.HiddenSize);
        if (texts.Count > 0 && width != unet.Config.PromptDim)
            throw new ArgumentException($"the text encoders are {width} wide together, the denoiser expects {unet.Config.PromptDim}", nameof(texts));
        _texts = texts;
        _zerosForNoPrompt = zerosForNoPrompt;
    }

    /// <inheritdoc/>
    public override double DefaultGuidanceScale => 5;

    /// <summary>Loads a diffusers folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device; the autoencoder is always float32.</param>
    /// <exception cref="ConesException">A part is missing, broken or not supported.</exception>
    public static new StableDiffusionXLPipeline FromFolder(string folder, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        var index = ModelIndex.FromFolder(folder);
        if (!index.IsXL) throw new ConesException($"{folder} is not a Stable Diffusion XL model");
        return new(
            UNet2DConditionModel.FromFolder(index.Part("unet"), options),
            AutoencoderKL.FromFolder(index.Part("vae"), options with { Type = ScalarType.Float32 }),
            SchedulerConfig.FromFile(Path.Combine(index.Part("scheduler"), Schedulers.Scheduler.ConfigName)),
            [.. new[] { "", "_2" }.Select(s => new PromptEncoder(
                ClipTokenizer.FromFolder(index.Part("tokenizer" + s)), ClipTextModel.FromFolder(index.Part("text_encoder" + s), options)))],
            index.ForceZerosForEmptyPrompt);
    }

    /// <inheritdoc/>
    public override PromptEncoding EncodePrompt(IReadOnlyList<string> prompts, int? clipSkip = null) => EncodePrompt(prompts, prompts, clipSkip);

    /// <summary>Encodes prompts that differ between the two text encoders.</summary>
    /// <param name="prompts">B prompts for the first.</param>
    /// <param name="prompts2">B prompts for the second, which also gives the pooled embedding.</param>
    /// <param name="clipSkip">Layers to leave out beyond the last one, which is never used; null is none.</param>
    public PromptEncoding EncodePrompt(IReadOnlyList<string> prompts, IReadOnlyList<string> prompts2, int? clipSkip = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (_texts.Count == 0) throw new InvalidOperationException("this pipeline has no text encoders: generate from encodings");
        if (prompts.Count != prompts2.Count) throw new ArgumentException($"{prompts.Count} prompts for the first encoder, {prompts2.Count} for the second", nameof(prompts2));
        var layers = _texts.Min(t => t.Encoder.Config.NumHiddenLayers) - 1;
        if (clipSkip is < 0 || clipSkip > layers) throw new ArgumentOutOfRangeException(nameof(clipSkip), clipSkip, $"0 to {layers} layers can be left out");
        var warnings = new List<string>();
        ClipTextOutput[] outputs = [.. _texts.Zip([prompts, prompts2], (text, batch) => text.Encode(batch, warnings))];
        var embeds = cat([.. outputs.Select(o => o.HiddenStates[^((clipSkip ?? 0) + 2)])], -1); // [B, T, D1 + D2]
        var pooled = outputs[^1].TextEmbeds ?? throw new InvalidOperationException("the second text encoder has no projection");
        return new(new(embeds.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope()), warnings);
    }

    /// <inheritdoc/>
    /// <remarks>No negative prompt is zeros where the model says so, else an empty text. Clip skip does not apply.</remarks>
    public override PromptEncoding EncodeNegativePrompt(IReadOnlyList<string>? negativePrompts, TextConditioning like) =>
        negativePrompts is null && _zerosForNoPrompt
            ? new(new(zeros_like(like.Embeds), like.Pooled is { } pooled ? zeros_like(pooled) : null), [])
            : EncodePrompt(negativePrompts ?? [""]);

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var text in _texts) text.Dispose();
        base.Dispose();
    }

    private protected override AddedConditions? Added(Tensor? pooled, ImageSizes sizes, int height, int width)
    {
        var batch = pooled!.shape[0];
        var ids = tensor(sizes.Ids(height, width), device: pooled.device).expand(batch, -1); // [B, 6]
        return new(pooled, ids);
    }
}
