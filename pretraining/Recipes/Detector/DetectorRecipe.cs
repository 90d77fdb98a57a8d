using Cones.Models.Glip.Configuration;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>The detector, GLIP's classes and layout, 3.9 M parameters; and its control, in which image and text are not fused.</summary>
/// <remarks>
/// Source: GLIP (Li et al., arXiv 2112.03857), with what GLIP gets from pretrained parts learnt at once: a curriculum from plain
/// scenes of few concepts to hard ones, words of regions across images (GLIPv2, arXiv 2206.05836), start weights of
/// <see cref="DetectorWeights"/>. Data: drawn scenes (<c>Scenes/</c>): shapes, crowds, microscopy, the drawings of the 689
/// pretraining concepts; 18 pairs of colour and shape are held out. Time: 43 scenes of 96 px a second of one core.
/// Scores: see models/mini-glip/README.md. Command:
/// <c>dotnet run -c Release --project pretraining -- detector</c> (or <c>detector-no-fusion</c>)
/// </remarks>
sealed record DetectorRecipe : IRecipe
{
    /// <inheritdoc/>
    public required string Name { get; init; }

    /// <inheritdoc/>
    public required string Description { get; init; }

    /// <summary>The model's shape for a vocabulary of so many tokens.</summary>
    public required Func<int, GlipConfig> Config { get; init; }

    /// <summary>The run's numbers.</summary>
    public required TrainingPlan Plan { get; init; }

    /// <summary>The scenes by step.</summary>
    public IReadOnlyList<CurriculumStage> Stages { get; init; } =
    [
        new(0, 96, 0, AllEmoji: false),
        new(2000, 96, 0.25, AllEmoji: true, CrowdPart: 0.15, MicroscopyPart: 0.15),
        new(14000, 128, 0.5, AllEmoji: true, CrowdPart: 0.15, MicroscopyPart: 0.2),
    ];

    /// <summary>Scenes for each score on the way.</summary>
    public int EvaluationScenes { get; init; } = 48;

    /// <summary>The detector.</summary>
    public static DetectorRecipe Fusion() => new()
    {
        Name = "detector",
        Description = "The detector: GLIP's layout, image and text fused.",
        Config = DetectorConfigs.Fusion,
        Plan = PlanOf("detector"),
    };

    /// <summary>The control.</summary>
    public static DetectorRecipe NoFusion() => new()
    {
        Name = "detector-no-fusion",
        Description = "The detector's control of the same size: image and text meet in the last product only.",
        Config = DetectorConfigs.NoFusion,
        Plan = PlanOf("detector-no-fusion"),
    };

    /// <inheritdoc/>
    public bool Run(RunOptions options, CancellationToken stop)
    {
        var plan = Plan.With(options);
        var pack = IconPack.Open(options.Data);
        var vocabulary = WordPieceVocabulary.Make(pack.Concepts);
        var folder = Path.Combine(options.Folder(Name), "vocabulary");
        Directory.CreateDirectory(folder);
        ModelWriter.WriteText(Path.Combine(folder, "vocab.txt"), string.Join('\n', vocabulary) + "\n");
        using var task = new DetectorTask(Config(vocabulary.Count), plan, new Curriculum(Stages, pack, plan.Seed), pack, folder, EvaluationScenes);
        return new Trainer(plan, options).Run(task, stop);
    }

    static TrainingPlan PlanOf(string name) => new(
        name, new StepSchedule(1e-3, 40000, WarmUp: 200), 16,
        new AdamWOptions(Beta2: 0.98, WeightDecay: 0.05, ClipNorm: 5, AverageDecay: 0.998), LogEvery: 20, EvaluateEvery: 500);
}
