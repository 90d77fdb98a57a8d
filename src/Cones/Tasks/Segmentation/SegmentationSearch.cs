using System.Diagnostics;
using System.Reflection;
using Cones.Concepts;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Prompts.Segmentation;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>From images with masks to concepts of a frozen segmenter, or to tuned weights: loads, caches, searches.</summary>
public static class SegmentationSearch
{
    // How often a long encoding is reported.
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Loads the model and runs a search.</summary>
    /// <param name="options">What to search.</param>
    /// <param name="folder">The run's folder, or null.</param>
    /// <param name="modelOutput">Where tuned weights go (<see cref="SegmentationMethod.Full"/>), or null.</param>
    /// <param name="observer">Told about the search's progress.</param>
    /// <param name="onStage">Told which stage has begun.</param>
    /// <param name="cancellation">Asks to stop.</param>
    /// <exception cref="ConesException">Something given cannot be used.</exception>
    /// <exception cref="OperationCanceledException">It was asked to stop before the search began.</exception>
    public static SegmentationSearchResult Run(
        SegmentationSearchOptions options, RunFolder? folder = null, string? modelOutput = null, ISearchObserver? observer = null, Action<string>? onStage = null, CancellationToken cancellation = default)
    {
        options.Validate();
        onStage?.Invoke("loading the model");
        using var segmenter = Segmenters.Load(options.Model, new LoadOptions { Device = options.Device, Type = options.Precision });
        return Run(segmenter, options, folder, modelOutput, observer, onStage, cancellation);
    }

    /// <summary>Runs a search on a segmenter that is loaded; its weights are changed by <see cref="SegmentationMethod.Full"/> only.</summary>
    /// <inheritdoc cref="Run(SegmentationSearchOptions, RunFolder?, string?, ISearchObserver?, Action{string}?, CancellationToken)"/>
    /// <param name="segmenter">The segmenter; not owned.</param>
    /// <param name="options">What to search; <see cref="SegmentationSearchOptions.Model"/> is not read.</param>
    /// <param name="folder">The run's folder, or null.</param>
    /// <param name="modelOutput">Where tuned weights go, or null.</param>
    /// <param name="observer">Told about the search's progress.</param>
    /// <param name="onStage">Told which stage has begun.</param>
    /// <param name="cancellation">Asks to stop.</param>
    public static SegmentationSearchResult Run(
        ISegmenter segmenter,
        SegmentationSearchOptions options,
        RunFolder? folder = null,
        string? modelOutput = null,
        ISearchObserver? observer = null,
        Action<string>? onStage = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        if (segmenter.PromptsAreObjects && options.Boxes == BoxSource.None && options.Method != SegmentationMethod.Concept && options.Start is null)
            throw new ConesException("without boxes nothing tells the model what to segment: search a concept (--method concept), or give boxes");
        if (!segmenter.PromptsAreObjects && (options.Boxes != BoxSource.Annotations || options.BoxMargin > 0))
            throw new ConesException("this model finds objects by itself: leave the boxes out (--detector, --boxes, --no-boxes, --box-margin)");
        if (!segmenter.PromptsAreObjects && options.MaskLoss != MaskLossKind.Focal)
            throw new ConesException("SAM 3 is searched with its own loss only: leave the choice out (--mask-loss)");
        using var scope = NewDisposeScope();
        var classes = options.ResolvedClasses;
        using var prompt = options.Start is { } begin
            ? StartConcepts.Prompt(segmenter, begin, classes, options.Method, options.Model)
            : segmenter.CreatePrompt(new SegmentationPromptOptions(options.Method, classes, options.Slots, options.Init, options.Search.Seed));
        var train = SegmentationExamples.Create(segmenter, options.Train, classes, options.Boxes, options.Found?.Train, options.Flip);
        var own = options.Validation is null ? null : SegmentationExamples.Create(segmenter, options.Validation, classes, options.Boxes, options.Found?.Validation, flip: false);
        var judged = own ?? train with { Items = [.. train.Items.Where(i => !i.Image.Flipped)] };

        // The key of cached features is made from the weights before they change.
        var fingerprint = SegmentationRunDescription.Fingerprint(options, segmenter.Fingerprint + segmenter.ImageFingerprint, train.Digest + own?.Digest + (options.Start is null ? "" : SegmentationImage.HashOf(options.Start)));
        folder?.RequireSame(fingerprint, options.Search);
        var isLive = options.Method == SegmentationMethod.Full && options.TuneEncoder;
        using var cache = isLive ? null : new ImageEmbeddingCache(options.Cache, segmenter.Device, m => observer?.OnWarning(m));
        var features = new ImageFeatures(segmenter, cache);
        Prepare(features, [.. train.Items.Concat(own?.Items ?? []).Select(i => i.Image)], onStage, cancellation);

        var parameters = options.Method == SegmentationMethod.Full ? segmenter.Unfreeze(options.TuneEncoder) : prompt.Parameters;
        var problem = new SegmentationProblem(
            segmenter, features, prompt, parameters,
            Sampler(train, options.ObjectsPerImage, noise: options.Boxes == BoxSource.Annotations),
            Sampler(judged, options.EvaluationObjects, noise: false).Frozen(),
            options.Search.Accumulate,
            options.MaskLoss)
        {
            Fingerprint = fingerprint,
            Scored = options.ResolvedChoice == StepChoice.Ap ? classes : null,
        };
        // Tokens behind a box's change what the box gives, before they are searched too: they are taken only if they are better than none.
        using var none = segmenter.PromptsAreObjects && options.Method == SegmentationMethod.Concept && options.Boxes != BoxSource.None
            ? segmenter.CreatePrompt(new SegmentationPromptOptions(SegmentationMethod.Text, classes, 0, options.Init, options.Search.Seed))
            : null;
        SearchEvaluation? alone = none is null ? null : problem.Evaluate(none);
        var (start, best, search) = Search(problem, options, folder, observer, onStage, cancellation);
        var isBetter = alone is not { } without || best.IsBetterThan(without);
        if (!isBetter) best = alone!.Value;
        ConceptFile? concept = null;
        if (options.Method != SegmentationMethod.Full) concept = ToConcepts(segmenter, options, isBetter ? prompt : none!, train.Digest, start, best, isBetter ? search?.BestStep ?? 0 : 0);
        else if (modelOutput is not null && search?.Reason is StopReason.Completed or StopReason.EarlyStopped) segmenter.Save(modelOutput);
        return new SegmentationSearchResult(concept, start, best, alone, search, segmenter.PromptsAreObjects && options.Boxes != BoxSource.None, cache?.Encoded ?? 0, [.. train.Warnings, .. own?.Warnings ?? []]);

        SegmentationSampler Sampler(SegmentationExamples examples, int objects, bool noise) =>
            new(examples.Items, segmenter.PromptsAreObjects, classes.Count, objects, options.Search.Seed, noise, options.BoxMargin);
    }

    static void Prepare(ImageFeatures features, IReadOnlyList<SegmentationImage> images, Action<string>? onStage, CancellationToken cancellation)
    {
        var (clock, missing, number) = (Stopwatch.StartNew(), features.Missing(images), 0);
        foreach (var image in images)
        {
            cancellation.ThrowIfCancellationRequested();
            if (missing.Contains(image) && (++number == 1 || clock.Elapsed > s_patience))
            {
                onStage?.Invoke($"encoding image {number} of {missing.Count}");
                clock.Restart();
            }

            features.Prepare(image);
        }
    }

    static (SearchEvaluation Start, SearchEvaluation Best, SearchResult? Search) Search(
        SegmentationProblem problem, SegmentationSearchOptions options, RunFolder? folder, ISearchObserver? observer, Action<string>? onStage, CancellationToken cancellation)
    {
        var evaluates = problem.Parameters.Count > 0 && options.Search.EvaluationInterval > 0;
        var start = evaluates ? default : problem.Evaluate();
        if (problem.Parameters.Count == 0) return (start, start, null);
        onStage?.Invoke("searching");
        var search = SearchLoop.Run(problem, options.Search, folder, observer, cancellation: cancellation);
        search.CopyBestTo(problem);
        if (evaluates && search.Evaluations.Count > 0) start = search.Evaluations[0].Value; // that of step 0
        return (start, evaluates && search.Evaluations.Any(e => e.Value.IsFinite) ? new SearchEvaluation(search.BestLoss, search.BestScore) : problem.Evaluate(), search);
    }

    static ConceptFile ToConcepts(
        ISegmenter segmenter, SegmentationSearchOptions options, ISegmentationPrompt prompt, string digest, SearchEvaluation start, SearchEvaluation best, int steps) =>
        new([.. options.ResolvedClasses.Select(c => c.Name).Zip(prompt.ToVectors(), (name, vectors) => Concept.FromVectors(name, vectors, null))], new ConceptMetadata
        {
            Method = prompt.Method,
            Task = "segmentation",
            ModelFamily = segmenter.Family,
            ModelFingerprint = segmenter.Fingerprint,
            SlotRule = segmenter.PromptsAreObjects ? SlotRule.Tail : SlotRule.FullWithStart,
            BaseText = string.Join(", ", options.ResolvedClasses.Select(c => c.Text)),
            Init = options.Method == SegmentationMethod.Concept ? options.Init.ToString().ToLowerInvariant() : "",
            Steps = steps,
            Seed = options.Search.Seed,
            DataDigest = digest,
            ToolVersion = "cones " + typeof(SegmentationSearch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0],
            Scores = Scores(start, best),
            Classes = options.ResolvedClasses,
        });

    static Dictionary<string, double> Scores(SearchEvaluation start, SearchEvaluation best)
    {
        var scores = new Dictionary<string, double> { ["evaluation_loss_start"] = start.Loss, ["evaluation_loss"] = best.Loss };
        if (start.Score is { } before) scores["validation_ap_start"] = before;
        if (best.Score is { } after) scores["validation_ap"] = after;
        return scores;
    }
}
