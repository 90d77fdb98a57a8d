using Cones.Models.Glip.Configuration;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>The detector: GLIP's classes and layout, 3.4 M parameters.</summary>
sealed class DetectorRecipe : IRecipe
{
    /// <summary>The folder's and the command's name of the detector itself.</summary>
    public const string DetectorName = "detector";

    /// <summary>The model's shape for a vocabulary of so many tokens.</summary>
    public Func<int, GlipConfig> Config { get; init; } = DetectorConfigs.Fusion;

    /// <summary>The scenes by step.</summary>
    public IReadOnlyList<CurriculumStage> Stages { get; init; } =
    [
        new(0, 96, 0, AllEmoji: false),
        new(6000, 96, 0.3, AllEmoji: true, CrowdPart: 0.15, MicroscopyPart: 0.15),
        new(16000, 128, 0.5, AllEmoji: true, CrowdPart: 0.15, MicroscopyPart: 0.2),
    ];

    /// <summary>Scenes for each score.</summary>
    public int EvaluationScenes { get; init; } = 48;

    /// <summary>The run's numbers.</summary>
    public TrainingPlan Plan { get; init; } = new(
        DetectorName, new StepSchedule(1e-3, 40000, WarmUp: 200), 16,
        new AdamWOptions(Beta2: 0.98, WeightDecay: 0.05, ClipNorm: 5, AverageDecay: 0.998), LogEvery: 20, EvaluateEvery: 500);

    /// <inheritdoc/>
    public string Name { get; init; } = DetectorName;

    /// <inheritdoc/>
    public string Description { get; init; } = "The detector: GLIP's layout, image and text fused.";

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
}
