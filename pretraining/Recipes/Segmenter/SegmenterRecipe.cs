using Cones.Models.Sam;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>The embedded segmenter: SAM with patches of 8, 4 layers of width 96, 0.9 M parameters; first at 128 px, then at 256 px.</summary>
/// <remarks>
/// Source: Segment Anything (Kirillov et al. 2023), image and prompt encoder and two-way decoder, from scratch. Data: the drawn scenes with the
/// icons of the 689 pretraining concepts, at 256 px also several of them side by side, and dark, pale and grey; the objects' alpha masks are exact. Prompts: boxes with
/// noise, at 256 px also with further tokens; a point on the object and one beside it, answered by several masks; boxes with a mask from before. Loss: binary cross-entropy and dice,
/// since SAM's own focal loss collapses to empty masks at this size. The random position encoding has a deviation of 1, as in SAM's
/// weights: transformers' classes begin with half the width, at which neighbouring pixels have nothing in common and boxes are never learnt.
/// Time: about half an hour of one core, and hours for 256 px. Scores: IoU of masks by true boxes on scenes of held-out icons .84 after the
/// first stage, where boxes taken for masks have .63. Commands: <c>dotnet run -c Release --project pretraining -- segmenter</c>, then
/// <c>segmenter-256</c>.
/// </remarks>
sealed class SegmenterRecipe : IRecipe
{
    /// <summary>The model's shape.</summary>
    public SamConfig Config { get; init; } = Shape(side: 128, width: 96, layers: 4, channels: 96);

    /// <summary>The recipe whose model it begins with, or null for random weights.</summary>
    public string? Start { get; init; }

    /// <summary>The most scenes side by side in a picture: a power of 2.</summary>
    public int Mosaic { get; init; } = 1;

    /// <summary>Whether pictures are also made dark, pale, grey, put on black ground and padded (<see cref="SceneVariation"/>).</summary>
    public bool Varied { get; init; }

    /// <summary>Scenes of each test.</summary>
    public int TestScenes { get; init; } = 64;

    /// <summary>The run's numbers.</summary>
    public TrainingPlan Plan { get; init; } = new(
        "segmenter", new StepSchedule(1e-3, 2400, WarmUp: 300, DecayPart: 0.3), 8, new AdamWOptions(WeightDecay: 0.02, AverageDecay: 0.998), EvaluateEvery: 500);

    /// <summary>The second stage: 256 px, begun with the weights of the first.</summary>
    public static SegmenterRecipe Finer { get; } = new()
    {
        Config = Shape(side: 256, width: 96, layers: 4, channels: 96),
        Start = "segmenter",
        Mosaic = 4,
        Varied = true,
        Plan = new TrainingPlan("segmenter-256", new StepSchedule(5e-4, 8000, WarmUp: 100, DecayPart: 0.4), 4, new AdamWOptions(WeightDecay: 0.02, AverageDecay: 0.998), EvaluateEvery: 250),
    };

    /// <inheritdoc/>
    public string Name => Plan.Recipe;

    /// <inheritdoc/>
    public string Description => $"SAM at {Config.Vision.ImageSize} px: masks of what boxes and points show.";

    /// <inheritdoc/>
    public bool Run(RunOptions options, CancellationToken stop)
    {
        var plan = Plan.With(options);
        using var task = new SegmenterTask(Config, plan, IconPack.Open(options.Data), Mosaic, Varied, TestScenes, Start is null ? null : options.Model(Start));
        return new Trainer(plan, options).Run(task, stop);
    }

    /// <summary>A small SAM with patches and windows of 8.</summary>
    public static SamConfig Shape(int side, int width, int layers, int channels)
    {
        const int patch = 8, window = 8;
        return new SamConfig
        {
            Vision = new SamVisionConfig
            {
                HiddenSize = width,
                OutputChannels = channels,
                NumHiddenLayers = layers,
                NumAttentionHeads = Math.Max(1, width / 32),
                ImageSize = side,
                PatchSize = patch,
                WindowSize = window,
                GlobalAttnIndexes = [.. Enumerable.Range(0, layers).Where(i => i % 2 == 1)],
                NumPosFeats = channels / 2,
                MlpDim = 4 * width,
            },
            PromptEncoder = new SamPromptEncoderConfig { HiddenSize = channels, ImageSize = side, PatchSize = patch },
            MaskDecoder = new SamMaskDecoderConfig { HiddenSize = channels, MlpDim = 2 * channels, NumAttentionHeads = 4, IouHeadHiddenDim = channels },
        };
    }
}
