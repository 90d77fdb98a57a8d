using System.Reflection;
using Cones.Concepts;
using Cones.Models;
using Cones.Prompts;
using Cones.Search;
using Cones.Search.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>Personalised generation from pictures to concept: loads, caches, searches.</summary>
public static class GenerationSearch
{
    /// <summary>Says which stage has begun, for programs that show progress.</summary>
    public delegate void StageHandler(string stage);

    /// <summary>Runs a search.</summary>
    /// <param name="options">What to search.</param>
    /// <param name="folder">The run's folder, or null.</param>
    /// <param name="observer">Told about the search's progress.</param>
    /// <param name="onStage">Told about the stages before it.</param>
    /// <param name="preview">Makes previews from the prompt's current state: (model, prompt, folder, step).</param>
    /// <param name="cancellation">Asks to stop.</param>
    /// <exception cref="ConesException">Something given cannot be used.</exception>
    /// <exception cref="OperationCanceledException">It was asked to stop before the search began.</exception>
    public static GenerationSearchResult Run(
        GenerationSearchOptions options,
        RunFolder? folder = null,
        ISearchObserver? observer = null,
        StageHandler? onStage = null,
        Action<GenerationModel, IPrompt, string, int>? preview = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        using var scope = NewDisposeScope();
        using var model = GenerationModel.FromFolder(options.Model, options.Loading);
        SearchChecks.Run(options, model, m => observer?.OnWarning(m));
        onStage?.Invoke($"encoding {options.Images.Count} picture{(options.Images.Count == 1 ? "" : "s")}");
        using var data = TrainingSet.Create(options, model, folder?.Path);
        var fingerprint = GenerationRunDescription.Fingerprint(options, data.Digest);
        folder?.RequireSame(fingerprint, options.Search);
        var task = new GenerationTask(model, data.Latents, options.MinSnrGamma);
        using var evaluation = new FrozenEvaluation(task, data.Sampler, options.EvaluationRows, options.BatchSize);

        onStage?.Invoke("encoding the templates");
        // An encoder that gradients pass through stays float32, as in the published recipes.
        using var text = model.LoadText(options.Method == GenerationMethod.PseudoWord ? ScalarType.Float32 : null);
        using var start = StartWords.Choose(options, text, data.Templates, evaluation, OnTry, cancellation);
        using var prompt = SearchPrompts.Create(options, model.CrossAttentionLayers, text, start, data.Templates);
        // The encoder is not needed any more, but for the method that runs it every step.
        if (options.Method != GenerationMethod.PseudoWord) text.Dispose();
        LoadDenoiser();

        var problem = new GenerationProblem(prompt.Prompt, task, data.Sampler, evaluation)
        {
            BatchSize = options.BatchSize,
            Fingerprint = fingerprint,
            Parameters = options.Method == GenerationMethod.Full ? DenoiserTuning.Unfreeze(model) : prompt.Prompt.Parameters,
            OnPreview = preview is null ? null : (path, step) => preview(model, prompt.Prompt, path, step),
        };
        var evaluates = problem.Parameters.Count > 0 && options.Search.EvaluationInterval > 0;
        var startLoss = evaluates ? double.NaN : problem.EvaluationLoss();
        var search = problem.Parameters.Count > 0 ? Search(problem, options, folder, observer, onStage, cancellation) : null;
        if (evaluates) startLoss = search!.Evaluations[0].Loss; // that of step 0
        if (options.Method == GenerationMethod.Full && folder is not null) DenoiserTuning.Save(model, folder.Path);

        var bestLoss = search is null ? startLoss : evaluates ? search.BestLoss : problem.EvaluationLoss();
        var concept = FoundConcept(options, start, prompt);
        var metadata = Metadata(options, model, start, data.Digest, startLoss, bestLoss, search);
        return new GenerationSearchResult(new ConceptFile([concept], metadata), startLoss, bestLoss, start.Placeholder.BaseText, start.Candidates, search);

        void OnTry(int words)
        {
            LoadDenoiser();
            onStage?.Invoke($"trying {words} words");
        }

        void LoadDenoiser()
        {
            if (model.IsLoaded) return;
            onStage?.Invoke("loading the denoiser");
            _ = model.UNet;
        }
    }

    static SearchResult Search(
        GenerationProblem problem, GenerationSearchOptions options, RunFolder? folder, ISearchObserver? observer, StageHandler? onStage, CancellationToken cancellation)
    {
        if (folder is not null) problem.Preview(folder.PreviewFolder, 0);
        onStage?.Invoke("searching");
        var search = SearchLoop.Run(problem, options.Search, folder, observer, cancellation: cancellation);
        search.CopyBestTo(problem);
        if (folder is not null && search.Reason != StopReason.Cancelled) problem.Preview(folder.PreviewFolder, search.BestStep);
        return search;
    }

    // The denoiser was trained for the concept that it started from: that goes with it.
    static Concept FoundConcept(GenerationSearchOptions options, StartWords start, SearchPrompt prompt) =>
        options.Method == GenerationMethod.Full && start.Concept is { } file
            ? Concept.FromVectors(options.Name, file.Concepts[0].Vectors, file.Concepts[0].Pooled)
            : Concept.FromVectors(options.Name, prompt.ToVectors(start.Placeholder.Slots), prompt.Pooled);

    static ConceptMetadata Metadata(
        GenerationSearchOptions options, GenerationModel model, StartWords start, string digest, double startLoss, double bestLoss, SearchResult? search) => new()
        {
            Method = options.Method == GenerationMethod.Full && start.Concept is { } trained ? trained.Metadata.Method : GenerationMethods.NameOf(options.Method),
            Task = "generation",
            ModelFamily = model.Family,
            ModelFingerprint = model.Fingerprint(),
            SlotRule = options.Method switch
            {
                GenerationMethod.Concept => options.Rule,
                GenerationMethod.PseudoWord => SlotRule.Overwrite,
                GenerationMethod.Full when start.Concept is { } kept => kept.Metadata.SlotRule,
                _ => SlotRule.Residual,
            },
            BaseText = start.Placeholder.BaseText,
            Init = options.StartConcept is { } path
                ? $"{GenerationMethods.NameOf(options.Method)} from {Path.GetFileName(path)}"
                : $"{InitKinds.NameOf(options.InitKind)}: {string.Join(", ", start.Words)}",
            Steps = search?.BestStep ?? 0,
            Seed = options.Search.Seed,
            DataDigest = digest,
            ToolVersion = "cones " + typeof(GenerationSearch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0],
            Scores = new Dictionary<string, double> { ["evaluation_loss_start"] = startLoss, ["evaluation_loss"] = bestLoss },
        };
}
