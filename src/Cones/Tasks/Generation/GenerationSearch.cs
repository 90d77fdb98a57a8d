using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cones.Concepts;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Search;
using Cones.Search.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>What a search for personalised generation found.</summary>
/// <param name="Concept">The concept, to be saved and disposed of by the caller.</param>
/// <param name="StartLoss">The frozen evaluation loss before the first step.</param>
/// <param name="BestLoss">The lowest frozen evaluation loss.</param>
/// <param name="BaseText">The words the search started from.</param>
/// <param name="Candidates">The frozen evaluation loss of every candidate name that was tried.</param>
/// <param name="Search">The loop's own result; null where nothing was searched.</param>
public sealed record GenerationSearchResult(
    ConceptFile Concept,
    double StartLoss,
    double BestLoss,
    string BaseText,
    IReadOnlyList<KeyValuePair<string, double>> Candidates,
    SearchResult? Search) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Concept.Dispose();
        Search?.Dispose();
    }
}

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
    /// <param name="preview">Makes previews from the prompt's current state: (prompt, folder, step).</param>
    /// <param name="cancellation">Asks to stop.</param>
    /// <exception cref="ConesException">Something given cannot be used.</exception>
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
        onStage?.Invoke("loading the model");
        using var model = GenerationModel.FromFolder(options.Model);
        onStage?.Invoke($"encoding {options.Images.Count} pictures");
        using var latents = EncodeImages(options, model, out var captions, out var digest);
        var task = new GenerationTask(model, latents, options.MinSnrGamma);
        var general = options.Templates ?? PromptTemplates.OfModel(options.Model) ?? PromptTemplates.Object;
        // A picture with a caption of its own keeps to it; the others draw from all general templates.
        string[] templates = [.. general.Distinct().Concat(captions.OfType<string>()).Distinct()];
        int[] generalRows = [.. Enumerable.Range(0, general.Distinct().Count())];
        var sampler = new BatchSampler(
            latents, [.. captions.Select(c => c is null ? generalRows : [Array.IndexOf(templates, c)])], task.TimestepCount, options.BatchSize, options.Search.Accumulate, options.Timesteps, options.Search.Seed);

        onStage?.Invoke("encoding the templates");
        using var text = model.LoadText();
        if (options.Method == GenerationMethod.PseudoWord && text.IsXL)
            throw new ConesException($"{options.Model} has two text encoders: --method pseudo-word supports Stable Diffusion 1.x and 2.x, use --method concept");
        var start = ChooseStart(options, text, templates, task, sampler, digest);
        var placeholder = start.Placeholder;
        using var encodings = text.EncodeTemplates(templates, placeholder);

        using var prompt = CreatePrompt(options, model, text, encodings, placeholder, templates);
        // The encoder is not needed any more, but for the method that runs it every step.
        if (options.Method != GenerationMethod.PseudoWord) text.Dispose();

        var weights = options.Method == GenerationMethod.Full ? UnfreezeDenoiser(model) : [];
        using var problem = Problem(options, prompt.Value, task, sampler, digest, weights, preview is null ? null : (f, s) => preview(model, prompt.Value, f, s));
        var startLoss = problem.EvaluationLoss();
        if (folder is not null) preview?.Invoke(model, prompt.Value, folder.PreviewFolder, 0);
        SearchResult? search = null;
        if (problem.Parameters.Count > 0)
        {
            onStage?.Invoke("searching");
            search = SearchLoop.Run(problem, options.Search, folder, observer, cancellation: cancellation);
            search.CopyBestTo(problem);
            if (folder is not null && search.Reason != StopReason.Cancelled) preview?.Invoke(model, prompt.Value, folder.PreviewFolder, search.BestStep);
        }

        var bestLoss = search is null ? startLoss : Math.Min(search.BestLoss, startLoss);
        if (options.Method == GenerationMethod.Full && folder is not null) SaveDenoiser(model, folder.Path);
        var metadata = Metadata(options, model, start, digest, startLoss, bestLoss, search);
        var vectors = prompt.Value switch
        {
            ConceptPrompt searched => searched.Vectors,
            PseudoWordPrompt word => word.Vectors,
            // A written name as a concept: nothing is added to its encoding.
            _ => zeros(placeholder.Slots, encodings.Dim),
        };
        var concept = Concept.FromVectors(options.Name, vectors, (prompt.Value as ConceptPrompt)?.PooledVector);
        return new GenerationSearchResult(new ConceptFile([concept], metadata), startLoss, bestLoss, placeholder.BaseText, start.Candidates, search);
    }

    /// <summary>The resolved options as they are kept with a run.</summary>
    public static JsonObject Describe(GenerationSearchOptions options) => new()
    {
        ["model"] = options.Model,
        ["images"] = new JsonArray([.. options.Images.Select(i => (JsonNode)i)]),
        ["masks"] = options.Masks,
        ["name"] = options.Name,
        ["init"] = new JsonArray([.. options.Init.Select(i => (JsonNode)i)]),
        ["init_kind"] = options.InitKind.ToString(),
        ["method"] = MethodName(options.Method),
        ["rule"] = SlotRules.NameOf(options.Rule),
        ["slots"] = options.Slots,
        ["per_layer"] = options.PerLayer,
        ["norm_bound"] = options.NormBound,
        ["resolution"] = options.Resolution,
        ["flip"] = options.Flip,
        ["crops"] = options.Crops,
        ["templates"] = options.Templates is null ? null : new JsonArray([.. options.Templates.Select(t => (JsonNode)t)]),
        ["batch"] = options.BatchSize,
        ["evaluation_rows"] = options.EvaluationRows,
        ["timesteps"] = options.Timesteps.ToString(),
        ["min_snr_gamma"] = options.MinSnrGamma,
        ["start_concept"] = options.StartConcept,
    };

    /// <summary>The method's name in options and concept files.</summary>
    public static string MethodName(GenerationMethod method) => method switch
    {
        GenerationMethod.Concept => "concept",
        GenerationMethod.PseudoWord => "pseudo-word",
        GenerationMethod.Words => "words",
        GenerationMethod.Text => "text",
        _ => "full",
    };

    static LatentCache EncodeImages(GenerationSearchOptions options, GenerationModel model, out IReadOnlyList<string?> captions, out string digest)
    {
        using var scope = NewDisposeScope();
        using var vae = model.LoadVae();
        var side = options.Resolution > 0 ? options.Resolution : model.Resolution;
        if (side % model.VaeConfig.Reduction != 0)
            throw new ConesException($"the resolution {side} is no multiple of {model.VaeConfig.Reduction}, which this model needs (--resolution)");
        var views = TrainingViews.Load(options, side);
        digest = views.Digest;
        captions = views.Captions;
        return LatentCache.Create(vae, views.Pixels, views.Masks);
    }

    static Start ChooseStart(
        GenerationSearchOptions options, TextSide text, IReadOnlyList<string> templates, GenerationTask task, BatchSampler sampler, string digest)
    {
        var tokenizer = text.NewTokenizer();
        var candidates = options.Init.Count > 0 ? options.Init : PromptTemplates.WordsOfModel(options.Model) ?? ["object"];
        var tries = options.InitKind == InitKind.BestWord || options.Method == GenerationMethod.Words;
        var losses = new List<KeyValuePair<string, double>>();
        if (candidates.Count > 1 && tries)
        {
            foreach (var candidate in candidates)
            {
                using var encodings = text.EncodeTemplates(templates, Placeholder.ForWords(options.Name, candidate, tokenizer));
                using var problem = Problem(options, new TextPrompt(encodings), task, sampler, digest, [], null);
                losses.Add(new(candidate, problem.EvaluationLoss()));
            }
        }

        var word = losses.Count > 0 ? losses.MinBy(l => l.Value).Key : candidates[0];
        var placeholder = Placeholder.ForWords(options.Name, word, tokenizer);
        if (options.Slots > 0) placeholder = placeholder with { Slots = options.Slots };
        return new Start(placeholder, losses);
    }

    static Owned<IPrompt> CreatePrompt(
        GenerationSearchOptions options, GenerationModel model, TextSide text, TemplateEncodings encodings, Placeholder placeholder, IReadOnlyList<string> templates)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        switch (options.Method)
        {
            case GenerationMethod.Concept:
                var initial = InitialVectors(options, model, text, encodings, placeholder, templates);
                var pooled = encodings.Pooled?.mean([0]);
                var conceptPrompt = new ConceptPrompt(encodings, initial, pooled, new ConceptPromptOptions
                {
                    Rule = options.Rule,
                    Layers = options.PerLayer ? model.UNet.CrossAttentionLayers.Count : 0,
                    NormBound = options.NormBound,
                });
                return new(conceptPrompt, conceptPrompt);
            case GenerationMethod.PseudoWord:
                using (var encoded = text.Encode([.. templates.Select(t => PromptTemplates.Fill(t, placeholder.Name))], [placeholder]))
                {
                    var ids = tensor([.. encoded.Prompts.SelectMany(p => p.Ids).Select(i => (long)i)]).reshape(templates.Count, -1);
                    var fill = ids.gather(1, encodings.Slots)[0]; // the base words' ids, [n]
                    var word = new PseudoWordPrompt(text.Encoder, ids, encodings.Slots, text.Encoder.TokenTable.index_select(0, fill));
                    return new(word, word);
                }

            case GenerationMethod.Full when options.StartConcept is not null:
                using (var file = LoadStart(options))
                {
                    var concept = file.Concepts[0];
                    var frozen = new ConceptPrompt(encodings, concept.Vectors, concept.Pooled, new ConceptPromptOptions
                    {
                        Rule = file.Metadata.SlotRule,
                        Layers = concept.Layers is null ? 0 : (int)concept.Layers.shape[0],
                    });
                    return new(frozen, frozen);
                }

            default:
                return new(new TextPrompt(encodings), null);
        }
    }

    static Tensor InitialVectors(
        GenerationSearchOptions options, GenerationModel model, TextSide text, TemplateEncodings encodings, Placeholder placeholder, IReadOnlyList<string> templates)
    {
        if (options.StartConcept is not null)
        {
            using var file = LoadStart(options);
            if (file.Metadata.SlotRule != options.Rule)
                throw new ConesException($"{options.StartConcept} was searched with the rule '{SlotRules.NameOf(file.Metadata.SlotRule)}', not '{SlotRules.NameOf(options.Rule)}' (--rule)");
            return file.Concepts[0].Vectors.clone();
        }

        var count = SlotRules.VectorCount(options.Rule, placeholder.Slots, encodings.Length);
        if (SlotRules.IsAdditive(options.Rule)) return zeros(count, encodings.Dim);
        if (options.InitKind == InitKind.Random)
        {
            using var generator = new Generator(SeedSequence.Derive(options.Search.Seed, "init"));
            var random = randn([count, encodings.Dim], generator: generator);
            return random / random.norm(-1, keepdim: true) * encodings.ReferenceNorm();
        }

        var sources = new List<TemplateEncodings> { encodings };
        if (options.InitKind == InitKind.Mean && options.Init.Count > 1)
        {
            sources.Clear();
            sources.AddRange(options.Init.Select(word => text.EncodeTemplates(templates, placeholder with { BaseText = word })));
        }

        var mean = stack([.. sources.Select(s => Initial(options.Rule, s, count))]).mean([0]);
        foreach (var source in sources.Where(s => s != encodings)) source.Dispose();
        return mean;
    }

    static Tensor Initial(SlotRule rule, TemplateEncodings encodings, int count) => rule switch
    {
        SlotRule.Overwrite => encodings.MeanSlotVectors(),
        // The sequence of the first template: a mean of sequences of different lengths is no prompt.
        _ => encodings.Embeddings[0].narrow(0, encodings.Length - count, count),
    };

    static GenerationProblem Problem(
        GenerationSearchOptions options,
        IPrompt prompt,
        GenerationTask task,
        BatchSampler sampler,
        string digest,
        IReadOnlyList<KeyValuePair<string, Tensor>> extra,
        Action<string, int>? preview) =>
        new(prompt, task, sampler, options.BatchSize, options.EvaluationRows, Fingerprint(options, digest), extra, preview,
            frozenPrompt: options.Method == GenerationMethod.Full);

    static string Fingerprint(GenerationSearchOptions options, string digest)
    {
        var described = Describe(options);
        // Where the files lie does not matter, what is in them does.
        described.Remove("images");
        described.Remove("masks");
        described["model"] = GenerationModel.FingerprintOf(options.Model);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(described.ToJsonString() + digest)));
    }

    static List<KeyValuePair<string, Tensor>> UnfreezeDenoiser(GenerationModel model)
    {
        model.UNet.SetRequiresGrad(true);
        return [.. model.UNet.NamedWeights().Select(w => new KeyValuePair<string, Tensor>("unet." + w.Key, w.Value.Value))];
    }

    static void SaveDenoiser(GenerationModel model, string folder)
    {
        var target = Path.Combine(folder, "unet");
        Directory.CreateDirectory(target);
        SafetensorsWriter.Write(
            Path.Combine(target, "diffusion_pytorch_model.safetensors"),
            model.UNet.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value.detach()));
        File.Copy(Path.Combine(model.Folder, "unet", "config.json"), Path.Combine(target, "config.json"), overwrite: true);
    }

    static ConceptFile LoadStart(GenerationSearchOptions options)
    {
        var file = ConceptFile.Load(options.StartConcept!);
        file.RequireModel(options.StartConcept!, GenerationModel.FingerprintOf(options.Model), options.Model);
        return file;
    }

    static ConceptMetadata Metadata(
        GenerationSearchOptions options, GenerationModel model, Start start, string digest, double startLoss, double bestLoss, SearchResult? search) => new()
        {
            Method = MethodName(options.Method),
            Task = "generation",
            ModelFamily = model.Family,
            ModelFingerprint = model.Fingerprint(),
            SlotRule = options.Method == GenerationMethod.Concept ? options.Rule : options.Method == GenerationMethod.PseudoWord ? SlotRule.Overwrite : SlotRule.Residual,
            BaseText = start.Placeholder.BaseText,
            Init = string.Create(CultureInfo.InvariantCulture, $"{options.InitKind}: {string.Join(", ", options.Init)}"),
            Steps = search?.BestStep ?? 0,
            Seed = options.Search.Seed,
            DataDigest = digest,
            ToolVersion = "cones " + typeof(GenerationSearch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0],
            Scores = new Dictionary<string, double> { ["evaluation_loss_start"] = startLoss, ["evaluation_loss"] = bestLoss },
        };

    sealed record Start(Placeholder Placeholder, IReadOnlyList<KeyValuePair<string, double>> Candidates);

    /// <summary>A value and what must be disposed of with it.</summary>
    sealed record Owned<T>(T Value, IDisposable? Owner) : IDisposable
    {
        public void Dispose() => Owner?.Dispose();
    }
}
