using Cones.Models.Clip;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Recipes.Clip;

/// <summary>The embedded CLIP: 64 px, patches of 8, two towers of 4 layers and width 128, 2.2 M parameters.</summary>
/// <remarks>
/// Source: CLIP (Radford et al. 2021). It judges generated pictures, and its text tower is where the text encoder of the
/// text-to-image model starts. Data: the drawings of all 8 styles of the 689 pretraining concepts, captions with name, style,
/// background and tags. Time: about 45 minutes of one core. Scores: see models/mini-clip/README.md. Command:
/// <c>dotnet run -c Release --project pretraining -- clip</c>
/// </remarks>
sealed class ClipRecipe : IRecipe
{
    /// <summary>Layers of both towers.</summary>
    public int Layers { get; init; } = 4;

    /// <summary>Width of both towers and of the joint space.</summary>
    public int Width { get; init; } = 128;

    /// <summary>The side of the pictures in pixels.</summary>
    public int Side { get; init; } = 64;

    /// <summary>The run's numbers.</summary>
    public TrainingPlan Plan { get; init; } = new(
        "clip", new StepSchedule(1e-3, 2000, WarmUp: 100, DecayPart: 0.4), 128, new AdamWOptions(Beta2: 0.98, WeightDecay: 0.1, AverageDecay: 0.995), EvaluateEvery: 250);

    /// <inheritdoc/>
    public string Name => "clip";

    /// <inheritdoc/>
    public string Description => "CLIP, the judge of generated pictures and the start of the text encoder.";

    /// <inheritdoc/>
    public bool Run(RunOptions options, CancellationToken stop)
    {
        var plan = Plan.With(options);
        var tokenizer = ClipTokenizer.FromFolder(options.Model("tokenizer"));
        using var task = new ClipTask(Config(tokenizer), plan, new IconPictures(IconPack.Open(options.Data), Side), tokenizer, options.Model("tokenizer"));
        return new Trainer(plan, options).Run(task, stop);
    }

    ClipConfig Config(ClipTokenizer tokenizer)
    {
        const int heads = 4;
        return new ClipConfig
        {
            ProjectionDim = Width,
            Text = new ClipTextConfig
            {
                VocabSize = tokenizer.VocabularySize,
                HiddenSize = Width,
                IntermediateSize = 4 * Width,
                ProjectionDim = Width,
                NumHiddenLayers = Layers,
                NumAttentionHeads = heads,
                MaxPositionEmbeddings = tokenizer.MaxLength,
                EosTokenId = tokenizer.EosId,
            },
            Vision = new ClipVisionConfig
            {
                HiddenSize = Width,
                IntermediateSize = 4 * Width,
                ProjectionDim = Width,
                NumHiddenLayers = Layers,
                NumAttentionHeads = heads,
                ImageSize = Side,
                PatchSize = 8,
            },
        };
    }
}
