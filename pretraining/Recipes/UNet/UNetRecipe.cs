using Cones.Models.StableDiffusion.UNet;
using Cones.Pretraining.Data;
using Cones.Pretraining.Recipes.Latents;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Recipes.UNet;

/// <summary>The embedded text-to-image model: UNet2DConditionModel of 64, 128, 192 channels with its text encoder, 12 M parameters.</summary>
/// <remarks>
/// Source: latent diffusion (Rombach et al., arXiv 2112.10752), velocity prediction (Salimans and Ho, arXiv 2202.00512),
/// guidance without a classifier (Ho and Salimans, arXiv 2207.12598). The text encoder starts from the CLIP's and is trained on
/// slowly. Data: the latents of animals, nature, food and drink in four styles (233 pretraining concepts): at this size more
/// concepts mean worse ones. Time: about 6 hours of one core (30 pictures a second). Scores: see models/mini-sd/README.md.
/// Command: <c>dotnet run -c Release --project pretraining -- unet</c>
/// </remarks>
sealed class UNetRecipe : IRecipe
{
    /// <summary>Text is attended to below the finest level: 16 x 16 pixels would cost a third more time for little.</summary>
    public UNet2DConditionConfig Config { get; init; } = new()
    {
        InChannels = 8,
        OutChannels = 8,
        SampleSize = 16,
        BlockOutChannels = [64, 128, 192],
        DownCrossAttention = [false, true, true],
        UpCrossAttention = [true, true, false],
        LayersPerBlock = [1, 1, 1],
        AttentionHeads = [2, 4, 6],
        TransformerLayersPerBlock = [[1], [1], [1]],
        UpTransformerLayersPerBlock = [[1], [1], [1]],
        CrossAttentionDim = 128,
        NormNumGroups = 32,
    };

    /// <summary>The groups of concepts.</summary>
    public IReadOnlyList<string> Groups { get; init; } = ["animals-nature", "food-drink"];

    /// <summary>The factor of the text encoder's learning rate.</summary>
    public double TextRate { get; init; } = 0.3;

    /// <summary>The run's numbers.</summary>
    public TrainingPlan Plan { get; init; } = new(
        "unet", new StepSchedule(8e-4, 20_000, WarmUp: 200, DecayPart: 0.25), 32, new AdamWOptions(AverageDecay: 0.999), EvaluateEvery: 1000);

    /// <inheritdoc/>
    public string Name => "unet";

    /// <inheritdoc/>
    public string Description => "The UNet and the text encoder of the text-to-image model.";

    /// <inheritdoc/>
    public bool Run(RunOptions options, CancellationToken stop)
    {
        var plan = Plan.With(options);
        using var parts = PipelineParts.Open(options, Config, plan.Seed);
        var pack = IconPack.Open(options.Data);
        var latents = LatentPack.Open(options.Folder("latents"));
        using var task = new UNetTask(this, plan, parts, pack, latents);
        return new Trainer(plan, options).Run(task, stop);
    }
}
