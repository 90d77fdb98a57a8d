using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Search.Schedules;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>Everything that a search for personalised generation needs to know.</summary>
public sealed record GenerationSearchOptions
{
    /// <summary>The model's folder (diffusers layout).</summary>
    public required string Model { get; init; }

    /// <summary>The device of the models and of what is searched.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>The type of the frozen weights. What is searched, the optimiser and the loss are float32.</summary>
    public ScalarType Precision { get; init; } = ScalarType.Float32;

    /// <summary>The training pictures, in this order.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>Folder of masks named as the pictures (white: the concept), or null.</summary>
    public string? Masks { get; init; }

    /// <summary>The placeholder in prompts.</summary>
    public string Name { get; init; } = "<concept>";

    /// <summary>
    /// The words to start from, or several candidates. Empty: the model's own <c>words.txt</c> where it has one, else
    /// <see cref="CommonWords"/>.
    /// </summary>
    public IReadOnlyList<string> Init { get; init; } = [];

    /// <summary>How words become a start.</summary>
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

    /// <summary>The bytes of latents that are kept in memory; beyond, they go into a file. Changes no result.</summary>
    public long LatentMemoryBytes { get; init; } = 2L << 30;

    /// <summary>Steps, optimiser, schedule, stopping, seed.</summary>
    public SearchOptions Search { get; init; } = DefaultSearch;

    /// <summary>The defaults of a concept search, chosen by measurement (docs/generation.md).</summary>
    public static SearchOptions DefaultSearch { get; } = new()
    {
        Steps = 100,
        Optimizer = new OptimizerOptions { LearningRate = 0.3, WeightDecay = 0 },
        Schedule = new ScheduleOptions { Name = ScheduleKind.Cosine },
        EvaluationInterval = 10,
        EarlyStop = new EarlyStopOptions { Name = EarlyStopKind.Variance, Patience = 0, Window = 0, Threshold = 0.05 },
    };

    /// <summary>How the frozen weights are loaded.</summary>
    internal LoadOptions Loading => new() { Type = Precision, Device = Device };

    /// <summary>Checks what does not need a file.</summary>
    /// <exception cref="ConesException">An option is out of its range.</exception>
    public void Validate()
    {
        if (Images.Count == 0) throw new ConesException("no pictures given: name a folder with a few pictures of the concept (--images)");
        if (Name.Length == 0) throw new ConesException("the name is empty: use one word such as <dog> (--name)");
        if (Name.Any(char.IsWhiteSpace)) throw new ConesException($"the name '{Name}' holds white space: use one word such as <dog> (--name)");
        if (BatchSize < 1) throw new ConesException($"the batch size is {BatchSize}, at least 1 is needed (--batch)");
        if (EvaluationRows < 1) throw new ConesException($"the evaluation batch is {EvaluationRows}, at least 1 is needed (--evaluation-batch)");
        if (Slots < 0) throw new ConesException($"{Slots} slots asked for, at least 0 are needed (--slots; 0: as many as the start words have tokens)");
        if (Crops < 0) throw new ConesException($"{Crops} crops asked for, at least 0 are needed (--crops)");
        if (Resolution < 0) throw new ConesException($"the resolution is {Resolution}, at least 0 is needed (--resolution; 0: the model's own)");
        if (!(NormBound >= 0 && double.IsFinite(NormBound))) throw new ConesException($"the norm bound is {NormBound}, at least 0 is needed (--norm-bound; 0: none)");
        if (!(MinSnrGamma >= 0 && double.IsFinite(MinSnrGamma))) throw new ConesException($"gamma of min-SNR is {MinSnrGamma}, at least 0 is needed (--min-snr-gamma; 0: the plain loss)");
        if (LatentMemoryBytes < 0) throw new ConesException("the memory for latents is below 0 (--latent-memory)");
        if (Method == GenerationMethod.Full && Precision != ScalarType.Float32)
            throw new ConesException("the method full trains the weights themselves, which needs fp32: leave --precision out");
        if (Method == GenerationMethod.Concept && StartConcept is null && SlotRules.IsAdditive(Rule) && InitKind is InitKind.Mean or InitKind.Random)
            throw new ConesException($"the vectors of the rule '{SlotRules.NameOf(Rule)}' are added to the encodings and start at zero: leave --init-kind {InitKinds.NameOf(InitKind)} out, or use --rule overwrite");
        if (StartConcept is not null && Method is GenerationMethod.Words or GenerationMethod.Text)
            throw new ConesException($"the method {GenerationMethods.NameOf(Method)} starts from words, not from a concept: leave --start out");
        Search.Validate();
    }
}
