using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.TinyVae;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>How images are generated. The defaults are those of diffusers.</summary>
public sealed record GenerationOptions
{
    /// <summary>Pixels; null is the size the model was trained for. With <see cref="Image"/> its size counts.</summary>
    public int? Width { get; init; }

    /// <summary>Pixels; null is the size the model was trained for. With <see cref="Image"/> its size counts.</summary>
    public int? Height { get; init; }

    /// <summary>Denoising steps, at least 1.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>Classifier-free guidance; 1 or less runs without. Null is the model's default: 7.5, SDXL 5.</summary>
    public double? GuidanceScale { get; init; }

    /// <summary>How much of the guided prediction gets the standard deviation of the unguided one, 0 to 1 (Lin et al., 2023).</summary>
    public double GuidanceRescale { get; init; }

    /// <summary>DDIM's noise, 0 to 1.</summary>
    public double Eta { get; init; }

    /// <summary>Layers of the text encoder to leave out; null is none, as trained. Prompts only.</summary>
    public int? ClipSkip { get; init; }

    /// <summary>Images for each prompt, in a row.</summary>
    public int ImagesPerPrompt { get; init; } = 1;

    /// <summary>
    /// A seed for each image; a single one s stands for s, s + 1, s + 2, ... An image depends on its own seed, not on the
    /// batch. Null draws them.
    /// </summary>
    public IReadOnlyList<ulong>? Seeds { get; init; }

    /// <summary>The scheduler; null is the one the model was shipped with.</summary>
    public SchedulerConfig? Scheduler { get; init; }

    /// <summary>Noise of unit variance to start from, [B, C, h, w]; null draws it from the seeds.</summary>
    public Tensor? Latents { get; init; }

    /// <summary>
    /// An image to start from, as <see cref="DiffusionPipeline.ImageProcessor"/> makes it: [1 or B, 3, H, W], -1 to 1, H and W
    /// multiples of the autoencoder's factor.
    /// </summary>
    public Tensor? Image { get; init; }

    /// <summary>How much of <see cref="Image"/> is redone: above 0, to 1 for all.</summary>
    public double Strength { get; init; } = 0.8;

    /// <summary>SDXL: what the model is told about the image.</summary>
    public ImageSizes Sizes { get; init; } = new();

    /// <summary>SDXL: what it is told in the unguided half; null is <see cref="Sizes"/>.</summary>
    public ImageSizes? NegativeSizes { get; init; }

    /// <summary>Decodes with a small autoencoder instead of the model's own: quick, less sharp.</summary>
    public AutoencoderTiny? TinyDecoder { get; init; }

    /// <summary>Called after every step.</summary>
    public Action<DenoisingStep>? OnStep { get; init; }
}
