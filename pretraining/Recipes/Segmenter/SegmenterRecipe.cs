using Cones.Models.Sam;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>The embedded segmenter: SAM at 128 px, patches of 8, 4 layers of width 96, 1.0 M parameters.</summary>
/// <remarks>
/// Source: Segment Anything (Kirillov et al. 2023), image and prompt encoder and two-way decoder, from scratch. Data: the drawn scenes with the
/// icons of the 689 pretraining concepts; the objects' alpha masks are exact. Prompts: boxes with noise; a point on the object and
/// one beside it, answered by several masks; boxes with a mask from before. Loss: binary cross-entropy and dice, since SAM's own focal loss
/// collapses to empty masks at this size. The random position encoding has a deviation of 1, as in SAM's weights: transformers' classes begin with half
/// the width, at which neighbouring pixels have nothing in common and boxes are never learnt. Time: hours of one core. Scores: IoU of masks by
/// true boxes on scenes of held-out icons, to be .80. Command: <c>dotnet run -c Release --project pretraining -- segmenter</c>
/// </remarks>
sealed class SegmenterRecipe : IRecipe
{
    /// <summary>The model's shape.</summary>
    public SamConfig Config { get; init; } = Shape(side: 128, patch: 8, width: 96, layers: 4, channels: 96);

    /// <summary>Scenes of each test.</summary>
    public int TestScenes { get; init; } = 64;

    /// <summary>The run's numbers.</summary>
    public TrainingPlan Plan { get; init; } = new(
        "segmenter", new StepSchedule(1e-3, 12_000, WarmUp: 300, DecayPart: 0.3), 8, new AdamWOptions(WeightDecay: 0.02, AverageDecay: 0.998), EvaluateEvery: 500);

    /// <inheritdoc/>
    public string Name => "segmenter";

    /// <inheritdoc/>
    public string Description => "SAM, masks of what boxes and points show.";

    /// <inheritdoc/>
    public bool Run(RunOptions options, CancellationToken stop)
    {
        var plan = Plan.With(options);
        using var task = new SegmenterTask(Config, plan, IconPack.Open(options.Data), TestScenes);
        return new Trainer(plan, options).Run(task, stop);
    }

    /// <summary>A small SAM.</summary>
    public static SamConfig Shape(int side, int patch, int width, int layers, int channels) => new()
    {
        Vision = new SamVisionConfig
        {
            HiddenSize = width,
            OutputChannels = channels,
            NumHiddenLayers = layers,
            NumAttentionHeads = Math.Max(1, width / 32),
            ImageSize = side,
            PatchSize = patch,
            WindowSize = side / patch / 2,
            GlobalAttnIndexes = [.. Enumerable.Range(0, layers).Where(i => i % 2 == 1)],
            NumPosFeats = channels / 2,
            MlpDim = 4 * width,
        },
        PromptEncoder = new SamPromptEncoderConfig { HiddenSize = channels, ImageSize = side, PatchSize = patch },
        MaskDecoder = new SamMaskDecoderConfig { HiddenSize = channels, MlpDim = 2 * channels, NumAttentionHeads = 4, IouHeadHiddenDim = channels },
    };
}
