using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.TinyVae;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>Text to image and image to image: denoiser, autoencoder, scheduler and text encoders together.</summary>
/// <remarks>
/// Behaves as <c>StableDiffusionPipeline</c>, <c>StableDiffusionXLPipeline</c> and their image-to-image forms in diffusers 0.42.
/// State and scheduler are float32 whatever the type of the denoiser.
/// </remarks>
public abstract partial class DiffusionPipeline : IDisposable
{
    // Training size, in latent pixels, of models whose configuration leaves it out.
    const int DefaultSampleSize = 64;

    private protected DiffusionPipeline(UNet2DConditionModel unet, AutoencoderKL vae, SchedulerConfig scheduler)
    {
        if (unet.Config.HasClasses) throw new ArgumentException("this denoiser takes class labels beside the prompt", nameof(unet));
        UNet = unet;
        Vae = vae;
        Scheduler = scheduler;
        ImageProcessor = new VaeImageProcessor(vae.Config.Reduction);
    }

    /// <summary>The denoiser.</summary>
    public UNet2DConditionModel UNet { get; }

    /// <summary>The autoencoder.</summary>
    public AutoencoderKL Vae { get; }

    /// <summary>The scheduler that the model was shipped with.</summary>
    public SchedulerConfig Scheduler { get; }

    /// <summary>Turns images into what <see cref="GenerationOptions.Image"/> takes, and decoded pixels into images.</summary>
    public VaeImageProcessor ImageProcessor { get; }

    /// <summary>The side in pixels that the model was trained for.</summary>
    public int DefaultSize => (UNet.Config.SampleSize > 0 ? UNet.Config.SampleSize : DefaultSampleSize) * Vae.Config.Reduction;

    /// <summary>The guidance scale where the options leave it open.</summary>
    public abstract double DefaultGuidanceScale { get; }

    /// <summary>Loads a diffusers folder; <c>model_index.json</c> says which pipeline it is.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device; the autoencoder is always float32.</param>
    /// <exception cref="ConesException">A part is missing, broken or not supported.</exception>
    public static DiffusionPipeline FromFolder(string folder, LoadOptions? options = null) =>
        ModelIndex.FromFolder(folder).IsXL ? StableDiffusionXLPipeline.FromFolder(folder, options) : StableDiffusionPipeline.FromFolder(folder, options);

    /// <summary>A pipeline around parts that are loaded, without text encoders: it generates from encodings only.</summary>
    /// <param name="folder">The diffusers folder that the parts come from; its scheduler is read.</param>
    /// <param name="unet">The denoiser; owned from now on.</param>
    /// <param name="vae">The autoencoder, float32; owned from now on.</param>
    /// <exception cref="ConesException">The folder's scheduler is missing or broken.</exception>
    public static DiffusionPipeline FromParts(string folder, UNet2DConditionModel unet, AutoencoderKL vae)
    {
        var scheduler = SchedulerConfig.FromFile(Path.Combine(folder, "scheduler", Schedulers.Scheduler.ConfigName));
        return unet.Config.HasTextTime
            ? new StableDiffusionXLPipeline(unet, vae, scheduler, [])
            : new StableDiffusionPipeline(unet, vae, StableDiffusionPipeline.Modernized(scheduler));
    }

    /// <summary>Encodes prompts as the denoiser wants them.</summary>
    /// <param name="prompts">B prompts.</param>
    /// <param name="clipSkip">Layers of the text encoder to leave out; null is none, as trained.</param>
    /// <exception cref="InvalidOperationException">The pipeline was made without text encoders.</exception>
    public abstract PromptEncoding EncodePrompt(IReadOnlyList<string> prompts, int? clipSkip = null);

    /// <summary>Encodes one prompt.</summary>
    /// <inheritdoc cref="EncodePrompt(IReadOnlyList{string}, int?)"/>
    public PromptEncoding EncodePrompt(string prompt, int? clipSkip = null) => EncodePrompt([prompt], clipSkip);

    /// <summary>Encodes what guidance moves away from.</summary>
    /// <param name="negativePrompts">Texts, or null for "none given", which some models treat unlike an empty text.</param>
    /// <param name="like">The encoding of the prompt.</param>
    public abstract PromptEncoding EncodeNegativePrompt(IReadOnlyList<string>? negativePrompts, TextConditioning like);

    /// <summary>Generates images from prompts.</summary>
    /// <param name="prompts">B prompts; with n images each the result has B · n images.</param>
    /// <param name="negativePrompts">None, one for all, or one a prompt.</param>
    /// <param name="options">Everything else.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="ArgumentException">An option is out of range or shapes do not fit.</exception>
    public GenerationResult Generate(
        IReadOnlyList<string> prompts, IReadOnlyList<string>? negativePrompts = null, GenerationOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new GenerationOptions();
        if (prompts.Count == 0) throw new ArgumentException("no prompt given", nameof(prompts));
        if (negativePrompts is not null && negativePrompts.Count != 1 && negativePrompts.Count != prompts.Count)
            throw new ArgumentException($"{negativePrompts.Count} negative prompts for {prompts.Count} prompts", nameof(negativePrompts));
        using var noGrad = no_grad();
        using var prompt = EncodePrompt(prompts, options.ClipSkip);
        using var negative = Guides(options) ? EncodeNegativePrompt(negativePrompts, prompt.Conditioning) : null;
        var result = Generate(prompt.Conditioning, negative?.Conditioning, options, cancellation);
        return result with { Warnings = [.. prompt.Warnings.Union(negative?.Warnings ?? [])] };
    }

    /// <summary>Generates images from one prompt.</summary>
    /// <inheritdoc cref="Generate(IReadOnlyList{string}, IReadOnlyList{string}?, GenerationOptions?, CancellationToken)"/>
    public GenerationResult Generate(string prompt, string? negativePrompt = null, GenerationOptions? options = null, CancellationToken cancellation = default) =>
        Generate([prompt], negativePrompt is null ? null : [negativePrompt], options, cancellation);

    /// <summary>Generates images from encodings: the text encoder is not run.</summary>
    /// <param name="conditioning">B prompts.</param>
    /// <param name="negative">What guidance moves away from, B rows or 1; null encodes "no negative prompt".</param>
    /// <param name="options">Everything else.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="ArgumentException">An option is out of range or shapes do not fit.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GenerationResult Generate(
        TextConditioning conditioning, TextConditioning? negative = null, GenerationOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new GenerationOptions();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!Guides(options)) negative = null;
        else negative ??= EncodeNegativePrompt(null, conditioning).Conditioning;
        Check(conditioning, negative, options);

        var run = Plan(conditioning, options);
        using var noise = run.Seeds.Count > 0 ? new SeededNoise(run.Seeds) : null;
        using var scheduler = Schedulers.Scheduler.Create(options.Scheduler ?? Scheduler);
        scheduler.SetTimesteps(options.Steps);
        var (latents, first) = Begin(run, options, scheduler, noise);
        latents = Denoise(latents, first, run, Conditions(conditioning, negative, run, options), options, scheduler, noise, cancellation);
        var images = options.TinyDecoder is { } tiny ? Decode(latents, tiny) : Decode(latents);
        return new(images.MoveToOuterDisposeScope(), latents.MoveToOuterDisposeScope(), run.Seeds, []);
    }

    /// <summary>Frees denoiser, autoencoder and text encoders.</summary>
    public virtual void Dispose()
    {
        UNet.Dispose();
        Vae.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>What the denoiser takes beside the embeddings, for rows of one half.</summary>
    /// <param name="pooled">[B, P].</param>
    /// <param name="sizes">What the model is told about the image.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="width">Pixels.</param>
    private protected abstract AddedConditions? Added(Tensor? pooled, ImageSizes sizes, int height, int width);

    bool Guides(GenerationOptions options) => (options.GuidanceScale ?? DefaultGuidanceScale) > 1;
}
