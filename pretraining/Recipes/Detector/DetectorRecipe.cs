using Cones.Models.Glip.Configuration;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>The detector, GLIP's classes and layout, 3.9 M parameters, in two stages; and its control, in which image and text are not fused.</summary>
/// <remarks>
/// Source: GLIP (Li et al., arXiv 2112.03857), with what GLIP gets from pretrained parts learnt at once: a curriculum from plain
/// scenes of few concepts to hard ones, words of regions across images (GLIPv2, arXiv 2206.05836), start weights of
/// <see cref="DetectorWeights"/>. Data: drawn scenes (<c>Scenes/</c>): shapes, crowds, microscopy, the drawings of the 689
/// pretraining concepts; 18 pairs of colour and shape are held out. Time: 43 scenes of 96 px a second of one core.
/// Scores: see models/mini-glip/README.md. Command:
/// <c>dotnet run -c Release --project pretraining -- detector</c> (or <c>detector-no-fusion</c>), then <c>detector-microscopy</c>, which goes
/// on from the detector's weights with stained smears as half of the scenes: the names of colours and shapes in pictures of a microscope,
/// and boxes as loose as people draw them.
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

    /// <summary>The recipe whose model it begins with, or null for random weights.</summary>
    public string? Start { get; init; }

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

    /// <summary>The last stage of the detector: stained smears among the scenes it knows.</summary>
    public static DetectorRecipe Microscopy() => new()
    {
        Name = "detector-microscopy",
        Description = "The detector's last stage: stained smears, begun with the weights of `detector`.",
        Config = DetectorConfigs.Fusion,
        Start = "detector",
        Stages = [new(0, 128, 0.3, AllEmoji: true, CrowdPart: 0.1, MicroscopyPart: 0.1, SmearPart: 0.5)],
        Plan = new TrainingPlan(
            "detector-microscopy", new StepSchedule(5e-4, 600, WarmUp: 50, DecayPart: 0.7), 16,
            new AdamWOptions(Beta2: 0.98, WeightDecay: 0.05, ClipNorm: 5, AverageDecay: 0.99), LogEvery: 20, EvaluateEvery: 250),
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
        using var task = new DetectorTask(Config(vocabulary.Count), plan, new Curriculum(Stages, pack, plan.Seed), pack, folder, EvaluationScenes, Start is null ? null : options.Model(Start));
        return new Trainer(plan, options).Run(task, stop);
    }

    static TrainingPlan PlanOf(string name) => new(
        name, new StepSchedule(1e-3, 24400, WarmUp: 200), 16,
        new AdamWOptions(Beta2: 0.98, WeightDecay: 0.05, ClipNorm: 5, AverageDecay: 0.998), LogEvery: 20, EvaluateEvery: 500);
}
