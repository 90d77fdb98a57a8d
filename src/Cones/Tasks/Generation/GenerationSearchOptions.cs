using Cones.Models;
using Cones.Prompts;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Search.Schedules;

namespace Cones.Tasks.Generation;

/// <summary>The ways of making a model draw something new.</summary>
public enum GenerationMethod
{
    /// <summary>Vectors at the text encoder's output (ConES).</summary>
    Concept,

    /// <summary>Vectors at the text encoder's input (textual inversion).</summary>
    PseudoWord,

    /// <summary>The best of some written names by the frozen evaluation loss; no gradient.</summary>
    Words,

    /// <summary>A written name; nothing is searched.</summary>
    Text,

    /// <summary>The denoiser's weights are trained.</summary>
    Full,
}

/// <summary>Everything that a search for personalised generation needs to know.</summary>
public sealed record GenerationSearchOptions
{
    /// <summary>The model's folder (diffusers layout).</summary>
    public required string Model { get; init; }

    /// <summary>The training pictures, in this order.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>Folder of masks named as the pictures (white: the concept), or null.</summary>
    public string? Masks { get; init; }

    /// <summary>The placeholder in prompts.</summary>
    public string Name { get; init; } = "<concept>";

    /// <summary>
    /// The words to start from; several candidates separated by commas. Empty: the model's own <c>words.txt</c> where it has
    /// one, else <c>object</c>.
    /// </summary>
    public IReadOnlyList<string> Init { get; init; } = [];

    /// <summary>How several words, or none, become a start.</summary>
    public InitKind InitKind { get; init; } = InitKind.BestWord;

    /// <summary>The method.</summary>
    public GenerationMethod Method { get; init; } = GenerationMethod.Concept;

    /// <summary>Where a concept's vectors go.</summary>
    public SlotRule Rule { get; init; } = SlotRule.Overwrite;

    /// <summary>The number of slots of overwrite, residual, tail and pseudo-word; 0 for as many as the start words have tokens.</summary>
    public int Slots { get; init; }

    /// <summary>Whether each cross-attention layer has vectors of its own (P+).</summary>
    public bool PerLayer { get; init; } = true;

    /// <summary>The largest norm of a vector as a multiple of a natural embedding's; 0 for none.</summary>
    public double NormBound { get; init; } = 2;

    /// <summary>The side in pixels; 0 for the model's own.</summary>
    public int Resolution { get; init; }

    /// <summary>Whether mirrored pictures are used too.</summary>
    public bool Flip { get; init; } = true;

    /// <summary>Random crops a picture beside the whole one.</summary>
    public int Crops { get; init; }

    /// <summary>The templates; null for the model's own, else those for objects.</summary>
    public IReadOnlyList<string>? Templates { get; init; }

    /// <summary>Images of one micro-batch.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Images of the frozen evaluation batch.</summary>
    public int EvaluationRows { get; init; } = 16;

    /// <summary>How timesteps are drawn.</summary>
    public TimestepSampling Timesteps { get; init; } = TimestepSampling.Stratified;

    /// <summary>γ of min-SNR weighting; 0 for the plain loss.</summary>
    public double MinSnrGamma { get; init; }

    /// <summary>A concept to start from (second stage), or null.</summary>
    public string? StartConcept { get; init; }

    /// <summary>Steps, optimiser, schedule, stopping, seed.</summary>
    public SearchOptions Search { get; init; } = DefaultSearch;

    /// <summary>The defaults of a concept search, chosen by measurement (docs/generation.md).</summary>
    public static SearchOptions DefaultSearch { get; } = new()
    {
        Steps = 100,
        Optimizer = new OptimizerOptions { LearningRate = 0.3, WeightDecay = 0 },
        Schedule = new ScheduleOptions { Name = ScheduleKind.Cosine },
        EvaluationInterval = 10,
        EarlyStop = new EarlyStopOptions(),
    };

    /// <summary>Checks what does not need a file.</summary>
    /// <exception cref="ConesException">An option is out of its range.</exception>
    public void Validate()
    {
        if (Images.Count == 0) throw new ConesException("no pictures given: name a folder with a few pictures of the concept (--images)");
        if (Name.Length == 0 || Name.Any(char.IsWhiteSpace)) throw new ConesException($"the name '{Name}' holds white space: use one word such as <dog> (--name)");
        if (BatchSize < 1) throw new ConesException($"the batch size is {BatchSize}, at least 1 is needed (--batch)");
        if (EvaluationRows < 1) throw new ConesException($"the evaluation batch is {EvaluationRows}, at least 1 is needed (--evaluation-batch)");
        if (Slots < 0) throw new ConesException($"{Slots} slots asked for, at least 1 is needed (--slots)");
        if (Crops < 0) throw new ConesException($"{Crops} crops asked for, at least 0 are needed (--crops)");
        if (NormBound < 0) throw new ConesException($"the norm bound is {NormBound}, at least 0 is needed (--norm-bound)");
        Search.Validate();
    }
}

/// <summary>How the start of a search is made from words.</summary>
public enum InitKind
{
    /// <summary>The candidate whose encoding has the lowest frozen evaluation loss.</summary>
    BestWord,

    /// <summary>The mean of all candidates' encodings.</summary>
    Mean,

    /// <summary>Random vectors with the norm of a natural embedding.</summary>
    Random,
}
