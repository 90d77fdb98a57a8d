using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>All that a search needs beside its loop: words, prompt, examples, and what is trained.</summary>
sealed class DetectionRun : IDisposable
{
    readonly List<IDisposable> _owned;

    DetectionRun(List<IDisposable> owned) => _owned = owned;

    /// <summary>The detector as it was given.</summary>
    public required IDetector Detector { get; init; }

    /// <summary>The classes with the words that were chosen.</summary>
    public required IReadOnlyList<ClassPrompt> Classes { get; init; }

    /// <summary>Candidates for words that were tried.</summary>
    public required IReadOnlyList<ClassWordScore> Words { get; init; }

    /// <summary>The prompt.</summary>
    public required IDetectionPrompt Prompt { get; init; }

    /// <summary>The concept that the search goes on from, or null.</summary>
    public StoredConcept? Start { get; init; }

    /// <summary>The detector whose weights are trained, or null.</summary>
    public ITrainableDetector? Trained { get; init; }

    /// <summary>What the loop runs.</summary>
    public required DetectionProblem Problem { get; init; }

    /// <summary>How, with the factors of the detector's own training.</summary>
    public required SearchOptions Search { get; init; }

    /// <summary>SHA-256 of the training images.</summary>
    public required string TrainDigest { get; init; }

    /// <summary>Encodes what is encoded once.</summary>
    public static DetectionRun Prepare(
        IDetector detector, DetectionSearchOptions options, RunFolder? folder, DetectionSearch.StageHandler? onStage, CancellationToken cancellation)
    {
        var owned = new List<IDisposable>();
        try
        {
            var runner = CaptionChunks.For(detector, DetectionPrompts.Captions(options, detector));
            return new Preparation(runner, options, folder?.Path, onStage, owned, cancellation).Make();
        }
        catch
        {
            DisposeAll(owned);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => DisposeAll(_owned);

    static void DisposeAll(List<IDisposable> owned)
    {
        foreach (var item in Enumerable.Reverse(owned)) item.Dispose();
    }

    sealed class Preparation(
        IDetector detector, DetectionSearchOptions options, string? folder, DetectionSearch.StageHandler? onStage, List<IDisposable> owned, CancellationToken cancellation)
    {
        IDetectionExamples? _plain;

        public DetectionRun Make()
        {
            var trained = options.Method.TrainsWeights() ? DetectionPrompts.Trainable(detector, "--method") : null;
            if (options.KeptViews > 0 && detector is not IViewDetector) DetectionPrompts.Trainable(detector, "--augment");
            var start = options.From is { } path ? Own(StoredConcept.Load(path, detector, options.Model)) : null;
            var (classes, words) = ChooseWords();
            onStage?.Invoke($"encoding the names of {classes.Count} classes");
            var prompt = Own(start is not null
                ? DetectionPrompts.Create(options, start, owned)
                : DetectionPrompts.Create(options, detector, Own(detector.EncodeCaption(classes)), classes, () => Plain(classes)));
            var runner = options.Method == DetectionMethod.Linear ? Own(BuiltIn(trained!, prompt)) : detector;

            onStage?.Invoke(options.Method == DetectionMethod.Full ? "reading the images" : $"encoding {options.Train.Images.Count + (options.Validation?.Images.Count ?? 0)} images");
            var recipe = options.Augments && options.Method != DetectionMethod.Text && detector is IViewDetector changing ? changing.Recipe : null;
            var train = Examples(runner, new ViewMaker(options.Train, classes, options.Flip, recipe, options.Search.Seed), options.KeptViews, options.FeatureMemoryBytes);
            var left = options.FeatureMemoryBytes - ((train as DetectionExamples)?.MemoryBytes ?? 0);
            var captions = CaptionChunks.SizesOf(detector).Count;
            if (captions > 1) train = new ChunkedExamples(train, captions);
            // Evaluations see plain images only, where views are made anew.
            var validation = options.Validation is null && options.Method != DetectionMethod.Full
                ? train
                : Examples(runner, new ViewMaker(options.Validation ?? options.Train, classes), 0, left);
            var digest = DataDigest.Of(options.Train);
            var weights = trained?.Unfreeze(options.Method == DetectionMethod.Full ? WeightScope.Full : WeightScope.Linear, text: prompt is TrainedCaptionPrompt) ?? [];
            var search = trained is null ? options.Search : options.Search with { Optimizer = options.Search.Optimizer with { Groups = trained.ParameterGroups } };
            return new DetectionRun(owned)
            {
                Detector = detector,
                Classes = classes,
                Words = words,
                Prompt = prompt,
                Start = start,
                Trained = trained,
                TrainDigest = digest,
                Search = search,
                Problem = new DetectionProblem(runner, prompt, train, validation, search)
                {
                    Fingerprint = DetectionRunDescription.Fingerprint(options, detector.Fingerprint, digest + (options.Validation is { } v ? DataDigest.Of(v) : null)),
                    // The linear probe is one of the weights alone.
                    Parameters = options.Method == DetectionMethod.Linear ? weights : [.. prompt.Parameters, .. weights],
                    Score = options.ResolvedChoice == StepChoice.Ap ? new ValidationScore(options.Validation!, classes) : null,
                },
            };
        }

        (IReadOnlyList<ClassPrompt> Classes, IReadOnlyList<ClassWordScore> Words) ChooseWords()
        {
            var classes = options.ResolvedClasses;
            if (options.Candidates.Count == 0) return (classes, []);
            var plain = Plain(classes);
            onStage?.Invoke($"trying the words of {options.Candidates.Count} classes");
            return WordChoice.Choose(detector, classes, options.Candidates, plain, cancellation);
        }

        // The training images as they are, for what is decided before the search.
        IDetectionExamples Plain(IReadOnlyList<ClassPrompt> classes)
        {
            if (_plain is not null) return _plain;
            onStage?.Invoke($"encoding {options.Train.Images.Count} images");
            return _plain = Own(DetectionExamples.Create(detector, new ViewMaker(options.Train, classes), 0, options.FeatureMemoryBytes, folder, cancellation));
        }

        IDetectionExamples Examples(IDetector runner, ViewMaker views, int changed, long memory) => Own<IDetectionExamples>(options.Method == DetectionMethod.Full
            ? new LiveExamples((IViewDetector)runner, views)
            : DetectionExamples.Create(runner, views, changed, memory, folder, cancellation));

        IViewDetector BuiltIn(ITrainableDetector trained, IDetectionPrompt prompt)
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            var built = prompt.Build([0]);
            var kept = new Prompts.Conditioning
            {
                Embeddings = Own(built.Embeddings.clone().DetachFromDisposeScope()),
                Mask = Own(built.Mask!.clone().DetachFromDisposeScope()),
            };
            return trained.BuildIn(kept);
        }

        T Own<T>(T item)
            where T : IDisposable
        {
            owned.Add(item);
            return item;
        }
    }
}
