using Cones.Data;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Tasks.Detection;
using TorchSharp;

namespace Cones.Tasks.Segmentation;

/// <summary>Everything that a search for a segmenter's concepts needs to know.</summary>
public sealed record SegmentationSearchOptions
{
    /// <summary>The model: a folder or a file of weights.</summary>
    public required string Model { get; init; }

    /// <summary>The device of the model and of what is searched.</summary>
    public torch.Device Device { get; init; } = torch.CPU;

    /// <summary>The type of the frozen weights; what is searched, losses and results are float32.</summary>
    public torch.ScalarType Precision { get; init; } = torch.ScalarType.Float32;

    /// <summary>The training images with their masks. Crowds are left out.</summary>
    public required DetectionDataset Train { get; init; }

    /// <summary>The images that decide which step is best; null takes the training images.</summary>
    public DetectionDataset? Validation { get; init; }

    /// <summary>The classes and their words; empty for all classes of the data by their names.</summary>
    public IReadOnlyList<ClassPrompt> Classes { get; init; } = [];

    /// <summary>The method.</summary>
    public SegmentationMethod Method { get; init; } = SegmentationMethod.Concept;

    /// <summary>A concept file to go on from: its tokens are searched on (concept), or stay while the weights are tuned (full); null to begin anew.</summary>
    public string? Start { get; init; }

    /// <summary>Tokens of each class (concept; 0 for 2 with SAM, for as many as the name has with SAM 3), learned words (pseudo-word; 0 for 1).</summary>
    public int Slots { get; init; }

    /// <summary>What a class's tokens start from (concept).</summary>
    public TokenInit Init { get; init; } = TokenInit.Neutral;

    /// <summary>Where boxes come from; not read by SAM 3.</summary>
    public BoxSource Boxes { get; init; } = BoxSource.Annotations;

    /// <summary>
    /// How loose the annotations' boxes are made, in the search and in its evaluation: each side lies outwards by a random share of the box's
    /// side, at most this. 0: as annotated. A concept then learns to find the object in a loose box.
    /// </summary>
    public double BoxMargin { get; init; }

    /// <summary>The boxes of each training and validation image, for <see cref="BoxSource.Found"/>.</summary>
    public (IReadOnlyDictionary<long, IReadOnlyList<PromptBox>> Train, IReadOnlyDictionary<long, IReadOnlyList<PromptBox>>? Validation)? Found { get; init; }

    /// <summary>What masks are compared by.</summary>
    public MaskLossKind MaskLoss { get; init; } = MaskLossKind.Focal;

    /// <summary>The most objects of an image that a micro-batch asks for (SAM); others come another time.</summary>
    public int ObjectsPerImage { get; init; } = 8;

    /// <summary>The most objects of an image in the frozen evaluation batch (SAM).</summary>
    public int EvaluationObjects { get; init; } = 16;

    /// <summary>What decides which step is best; null for AP where there are validation images, else the loss.</summary>
    public StepChoice? Choice { get; init; }

    /// <summary>Whether mirrored training images are used too.</summary>
    public bool Flip { get; init; }

    /// <summary>Whether <see cref="SegmentationMethod.Full"/> trains the image encoder too: nothing is cached then.</summary>
    public bool TuneEncoder { get; init; }

    /// <summary>Where image features are kept. Changes no result.</summary>
    public CacheOptions Cache { get; init; } = new();

    /// <summary>Steps, optimiser, schedule, stopping, seed. A micro-batch is one image.</summary>
    public SearchOptions Search { get; init; } = DefaultSearch(SegmentationMethod.Concept);

    /// <summary>The defaults of a method.</summary>
    public static SearchOptions DefaultSearch(SegmentationMethod method) => new()
    {
        Steps = 200,
        Accumulate = 2,
        Optimizer = method switch
        {
            SegmentationMethod.Full => new OptimizerOptions { LearningRate = 1e-4, WeightDecay = 1e-2 },
            SegmentationMethod.PseudoWord => new OptimizerOptions { LearningRate = 5e-3, WeightDecay = 1e-2 },
            _ => new OptimizerOptions { LearningRate = 5e-2, WeightDecay = 0 },
        },
        ClipNorm = 1,
        EvaluationInterval = 10,
        EarlyStop = new EarlyStopOptions { Name = EarlyStopKind.Plateau, Patience = 8 },
    };

    /// <summary>Refuses a margin of boxes that are not the annotations', or out of its range.</summary>
    /// <exception cref="ConesException">It cannot be used.</exception>
    public static void RequireMargin(double margin, BoxSource? boxes)
    {
        if (margin is not (>= 0 and <= 1)) throw new ConesException($"the margin is {margin}, shares of a box's side from 0 to 1 are possible (--box-margin)");
        if (margin > 0 && boxes != BoxSource.Annotations) throw new ConesException("the annotations' own boxes are loosened, no others: leave the margin out (--box-margin)");
    }

    internal StepChoice ResolvedChoice => Choice ?? (Validation is null ? StepChoice.Loss : StepChoice.Ap);

    /// <summary>The classes, those of the data where none were named.</summary>
    public IReadOnlyList<ClassPrompt> ResolvedClasses => Classes.Count > 0 ? Classes : [.. Train.CategoryNames.Select(n => new ClassPrompt(n, n))];

    /// <summary>Checks what does not need the model.</summary>
    /// <exception cref="ConesException">An option is out of its range, or does not suit the data.</exception>
    public void Validate()
    {
        if (Train.Images.Count == 0) throw new ConesException("the training data holds no images: name a data set that does (--data)");
        if (Validation is { Images.Count: 0 }) throw new ConesException("the validation data holds no images: name a data set that does (--val), or leave it out");
        if (Slots < 0) throw new ConesException($"{Slots} slots asked for, at least 0 are needed (--slots; 0: the model's default)");
        if (ObjectsPerImage < 1) throw new ConesException($"{ObjectsPerImage} objects an image asked for, at least 1 is needed (--objects)");
        if (EvaluationObjects < 1) throw new ConesException($"{EvaluationObjects} objects an image asked for, at least 1 is needed (--evaluation-objects)");
        RequireMargin(BoxMargin, Boxes);
        if (Start is not null && Method is not (SegmentationMethod.Concept or SegmentationMethod.Full)) throw new ConesException("only concept and full go on from a concept: leave it out (--start)");
        if (Start is not null && !File.Exists(Start)) throw new ConesException($"{Start} does not exist: check the path (--start)");
        if (Choice == StepChoice.Ap && Validation is null) throw new ConesException("average precision is measured on validation images: name some (--val), or choose by the loss (--choose loss)");
        if (Cache.MemoryBytes < 0) throw new ConesException("the memory for features is below 0 (--feature-memory)");
        if (Cache.DiskBytes < 0) throw new ConesException("the room for features is below 0 (--feature-cache-size)");
        if (Method == SegmentationMethod.Full && Precision != torch.ScalarType.Float32)
            throw new ConesException("the method full trains the weights themselves, which needs fp32: leave --precision out");
        ClassPrompt.RequireDistinct(ResolvedClasses);
        foreach (var (data, option) in ((DetectionDataset?, string)[])[(Train, "--data"), (Validation, "--val")])
        {
            if (data is null) continue;
            var names = data.CategoryNames;
            if (ResolvedClasses.FirstOrDefault(c => !names.Contains(c.Name)) is { } unknown)
                throw new ConesException($"the data has no class '{unknown.Name}', only {string.Join(", ", names.Take(20))} ({option})");
        }

        var found = Train.Images.SelectMany(i => i.Annotations).Where(a => !a.IsCrowd).Select(a => Train.Categories[Train.CategoryIndex(a.CategoryId)].Name).ToHashSet();
        if (Method != SegmentationMethod.Text && ResolvedClasses.Select(c => c.Name).FirstOrDefault(n => !found.Contains(n)) is { } absent)
            throw new ConesException($"no training image shows the class '{absent}': leave it out (--classes), or add images of it (--data)");
        Search.Validate();
    }
}
