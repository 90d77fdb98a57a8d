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
    /// <summary>The name of an entry of a concept file that holds a whole caption.</summary>
    /// <param name="index">The caption, from 0.</param>
    /// <param name="count">All captions of the file.</param>
    public static string CaptionName(int index, int count) => count == 1 ? "<caption>" : $"<caption {index + 1}>";

    /// <summary>Says which stage has begun, for programs that show progress.</summary>
    public delegate void StageHandler(string stage);

    /// <summary>Loads the model and runs a search.</summary>
    /// <inheritdoc cref="Run(IDetector, DetectionSearchOptions, RunFolder?, ISearchObserver?, StageHandler?, CancellationToken)"/>
    public static DetectionSearchResult Run(
        DetectionSearchOptions options, RunFolder? folder = null, ISearchObserver? observer = null, StageHandler? onStage = null, CancellationToken cancellation = default)
    {
        options.Validate();
        onStage?.Invoke("loading the model");
        using var detector = Detectors.Load(options.Model, new LoadOptions { Device = options.Device });
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
        var captions = CaptionChunks.Split(detector, classes, tokens => SlotsOf(options, tokens));
        var encodings = new List<CaptionEncoding>();
        var prompts = new List<IDetectionPrompt>();
        DetectionExamples? train = null, own = null;
        try
        {
            foreach (var caption in captions)
            {
                encodings.Add(detector.EncodeCaption(caption));
                prompts.Add(CreatePrompt(options, detector, encodings[^1], prompts));
            }

            onStage?.Invoke($"encoding {options.Train.Images.Count + (options.Validation?.Images.Count ?? 0)} images");
            train = DetectionExamples.Create(detector, options.Train, captions, options.Flip, options.FeatureMemoryBytes, folder?.Path, cancellation);
            if (options.Validation is not null)
                own = DetectionExamples.Create(detector, options.Validation, captions, flip: false, options.FeatureMemoryBytes, folder?.Path, cancellation);
            return Search(detector, options, prompts, train, own, folder, observer, onStage, cancellation);
        }
        finally
        {
            own?.Dispose();
            train?.Dispose();
            foreach (var prompt in prompts) prompt.Dispose();
            foreach (var encoding in encodings) encoding.Dispose();
        }
    }

    static DetectionSearchResult Search(
        IDetector detector,
        DetectionSearchOptions options,
        IReadOnlyList<IDetectionPrompt> prompts,
        DetectionExamples train,
        DetectionExamples? own,
        RunFolder? folder,
        ISearchObserver? observer,
        StageHandler? onStage,
        CancellationToken cancellation)
    {
        var problem = new DetectionProblem(detector, prompts, train, own ?? train, options.Search)
        {
            Fingerprint = DetectionRunDescription.Fingerprint(options, detector.Fingerprint, train.Digest + own?.Digest),
            ByAp = options.JudgesByAp,
        };
        folder?.RequireSame(problem.Fingerprint, options.Search);

        var start = problem.Judge();
        SearchResult? search = null;
        if (problem.Parameters.Count > 0)
        {
            onStage?.Invoke("searching");
            search = SearchLoop.Run(problem, options.Search, folder, observer, cancellation: cancellation);
            search.CopyBestTo(problem);
        }

        var best = problem.Judge();
        return new DetectionSearchResult(ToConcepts(detector, options, prompts, train.Digest, start, best, search), start, best, search);
    }

    // The slots of a class whose name has so many tokens.
    static int SlotsOf(DetectionSearchOptions options, int tokens) => options.Method switch
    {
        DetectionMethod.Concept => options.Slots > 0 ? options.Slots : tokens,
        DetectionMethod.PseudoWord => Math.Max(1, options.Slots),
        DetectionMethod.SoftContext => tokens + ContextWords(options),
        _ => tokens,
    };

    static int ContextWords(DetectionSearchOptions options) => options.Slots > 0 ? options.Slots : 4;

    static IDetectionPrompt CreatePrompt(DetectionSearchOptions options, IDetector detector, CaptionEncoding caption, IReadOnlyList<IDetectionPrompt> before) => options.Method switch
    {
        DetectionMethod.Concept => new ClassSlotsPrompt(caption, options.Init == ClassInit.Name
            ? ClassVectors.OfNames(caption, options.Slots, SeedOf(options, before.Count))
            : ClassVectors.OfRandom(caption, options.Slots, SeedOf(options, before.Count))),
        DetectionMethod.Offset => new OffsetPrompt(caption),
        DetectionMethod.PseudoWord => InputWordsPrompt.PseudoWords(caption, Math.Max(1, options.Slots), detector.EncodeWords),
        // All captions have the same context.
        DetectionMethod.SoftContext => before.Count > 0
            ? ((InputWordsPrompt)before[0]).ShareContext(caption)
            : InputWordsPrompt.SoftContext(caption, ContextWords(options), SeedSequence.Derive(options.Search.Seed, "soft_context"), detector.EncodeWords),
        _ => new CaptionPrompt(caption),
    };

    static long SeedOf(DetectionSearchOptions options, int caption) =>
        caption == 0 ? options.Search.Seed : (long)(SeedSequence.Derive(options.Search.Seed, "caption", caption) >> 1);

    static ConceptFile ToConcepts(
        IDetector detector, DetectionSearchOptions options, IReadOnlyList<IDetectionPrompt> prompts, string digest, Judgement start, Judgement best, SearchResult? search)
    {
        var whole = options.Method is not (DetectionMethod.Concept or DetectionMethod.Text);
        IReadOnlyList<string> names = whole ? [.. prompts.Select((_, k) => CaptionName(k, prompts.Count))] : [.. options.ResolvedClasses.Select(c => c.Name)];
        var scores = new Dictionary<string, double> { ["evaluation_loss_start"] = start.Loss, ["evaluation_loss"] = best.Loss };
        if (start.Ap is { } before && best.Ap is { } after) (scores["evaluation_ap_start"], scores["evaluation_ap"]) = (before, after);
        return new ConceptFile([.. names.Zip(prompts.SelectMany(p => p.ToVectors()), (name, vectors) => Concept.FromVectors(name, vectors, null))], new ConceptMetadata
        {
            Method = prompts[0].Method,
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
            Scores = scores,
            Classes = options.ResolvedClasses,
            ClassSlots = whole ? [.. prompts.SelectMany(p => p.Classes)] : [],
            Captions = prompts.Count > 1 ? [.. prompts.Select(p => p.Classes.Count)] : [],
        });
    }
}
