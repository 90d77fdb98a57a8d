using System.Reflection;
using Cones.Concepts;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Makes the concept file of what a search has found.</summary>
static class FoundConcepts
{
    /// <summary>The file, to be disposed of by the caller.</summary>
    public static ConceptFile Create(DetectionRun run, DetectionSearchOptions options, SearchEvaluation start, SearchEvaluation best, SearchResult? search)
    {
        using var scope = NewDisposeScope();
        var prompt = run.Prompt;
        var classes = run.Classes;
        var whole = prompt is OffsetPrompt or InputWordsPrompt || run.Start is { IsWhole: true };
        IReadOnlyList<string> names = whole ? [DetectionSearch.CaptionName] : [.. classes.Select(c => c.Name)];
        IReadOnlyList<Tensor> vectors = whole && prompt is CaptionPrompt ? [prompt.Build([0]).Embeddings[0]] : prompt.ToVectors();
        var concepts = names.Zip(vectors, (name, v) => Concept.FromVectors(name, v, null)).ToList();
        if (prompt is ClassSlotsPrompt slots)
            concepts.AddRange(BackgroundSlots.NamesOf(slots.BackgroundKind, names).Zip(slots.ToBackgroundVectors(), (name, v) => Concept.FromVectors(name, v, null)));
        return new ConceptFile(concepts, new ConceptMetadata
        {
            Method = run.Start is { } stage && options.Method.TrainsWeights() ? stage.Metadata.Method : prompt.Method,
            Task = "detection",
            ModelFamily = run.Detector.Family,
            ModelFingerprint = run.Detector.Fingerprint,
            SlotRule = whole ? SlotRule.FullWithStart : SlotRule.Overwrite,
            BaseText = string.Join(", ", classes.Select(c => c.Text)),
            Init = Init(options),
            Steps = search?.BestStep ?? 0,
            Seed = options.Search.Seed,
            DataDigest = run.TrainDigest,
            ToolVersion = "cones " + typeof(DetectionSearch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0],
            Scores = Scores(start, best),
            Classes = classes,
            ClassSlots = whole ? prompt.Classes : [],
            Captions = CaptionChunks.SizesOf(run.Detector),
        });
    }

    static string Init(DetectionSearchOptions options)
    {
        var method = System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(options.Method.ToString());
        if (options.From is { } from) return $"{method} from {Path.GetFileName(from)}";
        return options.Method.TrainsWeights() ? method : options.Method == DetectionMethod.Concept ? options.Init.ToString().ToLowerInvariant() : "";
    }

    static Dictionary<string, double> Scores(SearchEvaluation start, SearchEvaluation best)
    {
        var scores = new Dictionary<string, double> { ["evaluation_loss_start"] = start.Loss, ["evaluation_loss"] = best.Loss };
        if (start.Score is { } before) scores["validation_ap_start"] = before;
        if (best.Score is { } after) scores["validation_ap"] = after;
        return scores;
    }
}
