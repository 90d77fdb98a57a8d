using Cones.Data;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using TorchSharp;

namespace Cones.Tasks.Detection;

/// <summary>Everything that a search for a detector's concepts needs to know.</summary>
public sealed partial record DetectionSearchOptions
{
    /// <summary>The model: a folder or a file of weights.</summary>
    public required string Model { get; init; }

    /// <summary>The device of the model and of what is searched.</summary>
    public torch.Device Device { get; init; } = torch.CPU;

    /// <summary>The type of the frozen weights; what is searched, losses and results are float32.</summary>
    public torch.ScalarType Precision { get; init; } = torch.ScalarType.Float32;

    /// <summary>The training images with their boxes. Crowds are left out.</summary>
    public required DetectionDataset Train { get; init; }

    /// <summary>The images that decide which step is best; null takes the loss on the training images.</summary>
    public DetectionDataset? Validation { get; init; }

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

    /// <summary>
    /// Candidates for the words of a class, by its name: those with the lowest loss on the training images, the other classes' words being
    /// the best so far, are taken instead of the words in <see cref="Classes"/>.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Candidates { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Where learned slots of no class stand (concept).</summary>
    public BackgroundKind Background { get; init; } = BackgroundKind.Caption;

    /// <summary>The number of these slots: of each class, or once.</summary>
    public int BackgroundCount { get; init; } = 1;

    /// <summary>The largest norm of a vector as a multiple of the mean norm of the names' encodings (concept); 0 for none.</summary>
    public double NormBound { get; init; }

    /// <summary>A concept file to go on from (second stage), or null. Its classes are searched.</summary>
    public string? From { get; init; }

    /// <summary>Whether mirrored training images are used too.</summary>
    public bool Flip { get; init; }

    /// <summary>How training images are changed; null for the method's default: full training changes them every time, all others not at all.</summary>
    public AugmentationKind? Augmentation { get; init; }

    /// <summary>Changed views of each training image that are made and kept, where features are (0 with <see cref="AugmentationKind.Reference"/>: 4).</summary>
    public int Views { get; init; }

    /// <summary>What decides which step is best; null for AP where there are validation images, else the loss.</summary>
    public StepChoice? Choice { get; init; }

    /// <summary>Where a trained model goes (linear, full): a folder; null keeps it with the detector.</summary>
    public string? ModelFolder { get; init; }

    /// <summary>The bytes of image features that are kept in memory; beyond, they go into a file. Changes no result.</summary>
    public long FeatureMemoryBytes { get; init; } = 2L << 30;

    /// <summary>Steps, optimiser, schedule, stopping, seed. A micro-batch is one image.</summary>
    public SearchOptions Search { get; init; } = DefaultSearch(DetectionMethod.Concept);

    /// <summary>
    /// The defaults of a method. Those of <see cref="DetectionMethod.Offset"/> are GLIP's for its prompt tuning v2: AdamW, rate 0.05, decay 0.25,
    /// gradients clipped at 1, four images a step; those of linear and full its own too: 1e-4 and 0.05. Concepts have no decay, which
    /// would pull them to 0 instead of to their start.
    /// </summary>
    public static SearchOptions DefaultSearch(DetectionMethod method) => new()
    {
        Steps = 200,
        Accumulate = 4,
        Optimizer = method switch
        {
            DetectionMethod.PseudoWord or DetectionMethod.SoftContext => new OptimizerOptions { LearningRate = 5e-3, WeightDecay = 1e-2 },
            DetectionMethod.Linear or DetectionMethod.Full => new OptimizerOptions { LearningRate = 1e-4, WeightDecay = 0.05 },
            _ => new OptimizerOptions { LearningRate = 0.05, WeightDecay = method == DetectionMethod.Offset ? 0.25 : 0 },
        },
        ClipNorm = 1,
        EvaluationInterval = 10,
        EarlyStop = new EarlyStopOptions { Name = EarlyStopKind.Plateau, Patience = 8 },
        // A checkpoint of all weights has four times their size.
        CheckpointSeconds = method == DetectionMethod.Full ? 600 : 60,
    };

    /// <summary>The classes, those of the data where none were named.</summary>
    public IReadOnlyList<ClassPrompt> ResolvedClasses => Classes.Count > 0 ? Classes : [.. Train.CategoryNames.Select(n => new ClassPrompt(n, n))];
}
