using System.Reflection;
using Cones.Concepts;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>From annotated images to concepts of a frozen detector: loads, caches, searches.</summary>
public static class DetectionSearch
{
    /// <summary>The name of the only entry of a concept file that holds a whole caption.</summary>
    public const string CaptionName = "<caption>";

    /// <summary>Says which stage has begun, for programs that show progress.</summary>
    public delegate void StageHandler(string stage);

    /// <summary>Loads the model and runs a search.</summary>
    /// <inheritdoc cref="Run(IDetector, DetectionSearchOptions, RunFolder?, ISearchObserver?, StageHandler?, CancellationToken)"/>
    public static DetectionSearchResult Run(
        DetectionSearchOptions options, RunFolder? folder = null, ISearchObserver? observer = null, StageHandler? onStage = null, CancellationToken cancellation = default)
    {
        options.Validate();
        onStage?.Invoke("loading the model");
        using var detector = GlipDetector.FromPath(options.Model, new LoadOptions { Device = options.Device });
        return Run(detector, options, folder, observer, onStage, cancellation);
    }

    /// <summary>Runs a search on a detector that is loaded.</summary>
    /// <param name="detector">The detector; not owned. <see cref="DetectionSearchOptions.Model"/> is not read then.</param>
    /// <param name="options">What to search.</param>
    /// <param name="folder">The run's folder, or null.</param>
    /// <param name="observer">Told about the search's progress.</param>
    /// <param name="onStage">Told about the stages before it.</param>
    /// <param name="cancellation">Asks to stop.</param>
    /// <exception cref="ConesException">Something given cannot be used.</exception>
    /// <exception cref="OperationCanceledException">It was asked to stop before the search began.</exception>
    public static DetectionSearchResult Run(
        IDetector detector,
        DetectionSearchOptions options,
        RunFolder? folder = null,
        ISearchObserver? observer = null,
        StageHandler? onStage = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        using var scope = NewDisposeScope();
        var classes = options.ResolvedClasses;
        onStage?.Invoke($"encoding the names of {classes.Count} classes");
        using var caption = detector.EncodeCaption(classes);
        using var prompt = CreatePrompt(options, detector, caption);

        onStage?.Invoke($"encoding {options.Train.Images.Count + (options.Validation?.Images.Count ?? 0)} images");
        using var train = DetectionExamples.Create(detector, options.Train, classes, options.Flip, options.FeatureMemoryBytes, folder?.Path, cancellation);
        using var own = options.Validation is null
            ? null
            : DetectionExamples.Create(detector, options.Validation, classes, flip: false, options.FeatureMemoryBytes, folder?.Path, cancellation);
        var digest = train.Digest + own?.Digest;
        var problem = new DetectionProblem(detector, prompt, train, own ?? train, options.Search)
        {
            Fingerprint = DetectionRunDescription.Fingerprint(options, detector.Fingerprint, digest),
        };
        folder?.RequireSame(problem.Fingerprint, options.Search);

        var evaluates = problem.Parameters.Count > 0 && options.Search.EvaluationInterval > 0;
        var startLoss = evaluates ? double.NaN : problem.EvaluationLoss();
        SearchResult? search = null;
        if (problem.Parameters.Count > 0)
        {
            onStage?.Invoke("searching");
            search = SearchLoop.Run(problem, options.Search, folder, observer, cancellation: cancellation);
            search.CopyBestTo(problem);
            if (evaluates && search.Evaluations.Count > 0) startLoss = search.Evaluations[0].Loss;
        }

        var bestLoss = search is null ? startLoss : evaluates ? search.BestLoss : problem.EvaluationLoss();
        return new DetectionSearchResult(ToConcepts(detector, options, prompt, train.Digest, startLoss, bestLoss, search), startLoss, bestLoss, search);
    }

    static IDetectionPrompt CreatePrompt(DetectionSearchOptions options, IDetector detector, CaptionEncoding caption) => options.Method switch
    {
        DetectionMethod.Concept => new ClassSlotsPrompt(caption, options.Init == ClassInit.Name
            ? ClassVectors.OfNames(caption, options.Slots, options.Search.Seed)
            : ClassVectors.OfRandom(caption, options.Slots, options.Search.Seed)),
        DetectionMethod.Offset => new OffsetPrompt(caption),
        DetectionMethod.PseudoWord => InputWordsPrompt.PseudoWords(caption, Math.Max(1, options.Slots), detector.EncodeWords),
        DetectionMethod.SoftContext => InputWordsPrompt.SoftContext(
            caption, options.Slots > 0 ? options.Slots : 4, SeedSequence.Derive(options.Search.Seed, "soft_context"), detector.EncodeWords),
        _ => new CaptionPrompt(caption),
    };

    static ConceptFile ToConcepts(
        IDetector detector, DetectionSearchOptions options, IDetectionPrompt prompt, string digest, double startLoss, double bestLoss, SearchResult? search)
    {
        var whole = options.Method is not (DetectionMethod.Concept or DetectionMethod.Text);
        IReadOnlyList<string> names = whole ? [CaptionName] : [.. options.ResolvedClasses.Select(c => c.Name)];
        return new ConceptFile([.. names.Zip(prompt.ToVectors(), (name, vectors) => Concept.FromVectors(name, vectors, null))], new ConceptMetadata
        {
            Method = prompt.Method,
            Task = "detection",
            ModelFamily = detector.Family,
            ModelFingerprint = detector.Fingerprint,
            SlotRule = whole ? SlotRule.FullWithStart : SlotRule.Overwrite,
            BaseText = string.Join(", ", options.ResolvedClasses.Select(c => c.Text)),
            Init = options.Method == DetectionMethod.Concept ? options.Init.ToString().ToLowerInvariant() : "",
            Steps = search?.BestStep ?? 0,
            Seed = options.Search.Seed,
            DataDigest = digest,
            ToolVersion = "cones " + typeof(DetectionSearch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0],
            Scores = new Dictionary<string, double> { ["evaluation_loss_start"] = startLoss, ["evaluation_loss"] = bestLoss },
            Classes = options.ResolvedClasses,
            ClassSlots = whole ? prompt.Classes : [],
        });
    }
}
