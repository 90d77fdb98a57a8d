using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>From annotated images to concepts of a frozen detector, or to a trained detector: loads, caches, searches.</summary>
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
        options.WithStart().Validate();
        onStage?.Invoke("loading the model");
        using var detector = Detectors.Load(options.Model, new LoadOptions { Device = options.Device, Type = options.Precision });
        return Run(detector, options, folder, observer, onStage, cancellation);
    }

    /// <summary>Runs a search on a detector that is loaded. Its weights are changed by the methods that train them, and frozen at the end.</summary>
    /// <param name="detector">The detector; not owned. <see cref="DetectionSearchOptions.Model"/> is its name then.</param>
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
        options = options.WithStart();
        options.Validate();
        using var scope = NewDisposeScope();
        using var run = DetectionRun.Prepare(detector, options, folder, onStage, cancellation);
        var problem = run.Problem;
        folder?.RequireSame(problem.Fingerprint, run.Search);

        try
        {
            var evaluates = problem.Parameters.Count > 0 && run.Search.EvaluationInterval > 0;
            var start = evaluates ? default : problem.Evaluate();
            SearchResult? search = null;
            if (problem.Parameters.Count > 0)
            {
                onStage?.Invoke(options.Method.TrainsWeights() ? "training" : "searching");
                search = SearchLoop.Run(problem, run.Search, folder, observer, cancellation: cancellation);
                search.CopyBestTo(problem);
                if (evaluates) start = search.Evaluations[0].Value; // that of step 0
            }

            var best = search is null ? start : evaluates && search.Evaluations.Any(e => e.Value.IsFinite) ? new SearchEvaluation(search.BestLoss, search.BestScore) : problem.Evaluate();
            var concept = FoundConcepts.Create(run, options, start, best, search);
            if (options.Method.TrainsWeights() && search?.Reason is StopReason.Completed or StopReason.EarlyStopped && options.ModelFolder is { } target)
            {
                onStage?.Invoke($"writing {target}");
                run.Trained!.Save(target);
                concept.Save(Path.Combine(target, DetectionSearchResult.ConceptName));
            }

            return new DetectionSearchResult(concept, start, best, problem.Parameters.Sum(p => p.Value.numel()), run.Words, search);
        }
        finally
        {
            run.Trained?.Freeze();
        }
    }
}
