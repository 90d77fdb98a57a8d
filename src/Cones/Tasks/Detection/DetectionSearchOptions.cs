using Cones.Data;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using TorchSharp;

namespace Cones.Tasks.Detection;

/// <summary>Everything that a search for a detector's concepts needs to know.</summary>
public sealed record DetectionSearchOptions
{
    /// <summary>The model: a folder or a file of weights.</summary>
    public required string Model { get; init; }

    /// <summary>The device of the model and of what is searched.</summary>
    public torch.Device Device { get; init; } = torch.CPU;

    /// <summary>The training images with their boxes. Crowds are left out.</summary>
    public required DetectionDataset Train { get; init; }

    /// <summary>The images that decide which step is best; null takes the training images.</summary>
    public DetectionDataset? Validation { get; init; }

    /// <summary>What decides, where there are <see cref="Validation"/> images; else it is the loss.</summary>
    public StepSelection SelectBy { get; init; } = StepSelection.Ap;

    /// <summary>Whether steps are judged by average precision.</summary>
    public bool JudgesByAp => Validation is not null && SelectBy == StepSelection.Ap;

    /// <summary>The classes and their words, in the order of the caption; empty for all classes of the data by their names.</summary>
    public IReadOnlyList<ClassPrompt> Classes { get; init; } = [];

    /// <summary>The method.</summary>
    public DetectionMethod Method { get; init; } = DetectionMethod.Concept;

    /// <summary>
    /// Slots of each class (concept; 0 for as many as its name has tokens), learned words of each class (pseudo-word; 0 for 1) or before
    /// each class (soft-context; 0 for 4).
    /// </summary>
    public int Slots { get; init; }

    /// <summary>What a class's vectors start from (concept).</summary>
    public ClassInit Init { get; init; } = ClassInit.Name;

    /// <summary>Whether mirrored training images are used too.</summary>
    public bool Flip { get; init; }

    /// <summary>The bytes of image features that are kept in memory; beyond, they go into a file. Changes no result.</summary>
    public long FeatureMemoryBytes { get; init; } = 2L << 30;

    /// <summary>Steps, optimiser, schedule, stopping, seed. A micro-batch is one image.</summary>
    public SearchOptions Search { get; init; } = DefaultSearch(DetectionMethod.Concept);

    /// <summary>
    /// The defaults of a method. Those of <see cref="DetectionMethod.Offset"/> are GLIP's for its prompt tuning v2: AdamW, rate 0.05, decay 0.25,
    /// gradients clipped at 1, four images a step. Concepts have no decay, which would pull them to 0 instead of to their start.
    /// </summary>
    public static SearchOptions DefaultSearch(DetectionMethod method) => new()
    {
        Steps = 200,
        Accumulate = 4,
        Optimizer = method switch
        {
            DetectionMethod.PseudoWord or DetectionMethod.SoftContext => new OptimizerOptions { LearningRate = 5e-3, WeightDecay = 1e-2 },
            _ => new OptimizerOptions { LearningRate = 0.05, WeightDecay = method == DetectionMethod.Offset ? 0.25 : 0 },
        },
        ClipNorm = 1,
        EvaluationInterval = 10,
        EarlyStop = new EarlyStopOptions { Name = EarlyStopKind.Plateau, Patience = 8 },
    };

    /// <summary>The classes, those of the data where none were named.</summary>
    public IReadOnlyList<ClassPrompt> ResolvedClasses => Classes.Count > 0 ? Classes : [.. Train.CategoryNames.Select(n => new ClassPrompt(n, n))];

    /// <summary>Checks what does not need the model.</summary>
    /// <exception cref="ConesException">An option is out of its range, or does not suit the data.</exception>
    public void Validate()
    {
        if (Train.Images.Count == 0) throw new ConesException("the training data holds no images: name a data set that does (--data)");
        if (Validation is { Images.Count: 0 }) throw new ConesException("the validation data holds no images: name a data set that does (--val), or leave it out");
        if (Slots < 0) throw new ConesException($"{Slots} slots asked for, at least 0 are needed (--slots; 0: as many as a class's name has tokens)");
        if (FeatureMemoryBytes < 0) throw new ConesException("the memory for features is below 0 (--feature-memory)");
        ClassPrompt.RequireDistinct(ResolvedClasses);
        foreach (var (data, option) in ((DetectionDataset?, string)[])[(Train, "--data"), (Validation, "--val")])
        {
            if (data is null) continue;
            var names = data.CategoryNames;
            if (ResolvedClasses.FirstOrDefault(c => !names.Contains(c.Name)) is { } unknown)
                throw new ConesException($"the data has no class '{unknown.Name}', only {string.Join(", ", names.Take(20))} ({option})");
        }

        var searched = ResolvedClasses.Select(c => c.Name).ToHashSet();
        var found = ShownIn(Train);
        if (Method != DetectionMethod.Text && searched.FirstOrDefault(n => !found.Contains(n)) is { } absent)
            throw new ConesException($"no training image shows the class '{absent}': leave it out (--classes), or add images of it (--data)");
        if (JudgesByAp && !ShownIn(Validation!).Overlaps(searched))
            throw new ConesException("no validation image shows any of the classes: add some that do (--val), or choose steps by the loss (--select-by loss)");
        Search.Validate();
    }

    static HashSet<string> ShownIn(DetectionDataset data) =>
        [.. data.Images.SelectMany(i => i.Annotations).Where(a => !a.IsCrowd).Select(a => data.Categories[data.CategoryIndex(a.CategoryId)].Name)];
}
