using Cones.Concepts;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Prompts.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>The prompt of a second stage: the tokens that a search found before.</summary>
static class StartConcepts
{
    /// <summary>Makes the prompt: tokens that are searched on (concept), or that stay (full).</summary>
    /// <param name="segmenter">The segmenter; not owned.</param>
    /// <param name="path">The concept file.</param>
    /// <param name="classes">The classes, all of which it must have.</param>
    /// <param name="method">The method.</param>
    /// <param name="model">The model's name, for messages.</param>
    /// <exception cref="ConesException">The file cannot be read, belongs to another model or task, or lacks a class.</exception>
    public static ISegmentationPrompt Prompt(ISegmenter segmenter, string path, IReadOnlyList<ClassPrompt> classes, SegmentationMethod method, string model)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var file = ConceptFile.Load(path);
        RequireFitting(file, segmenter, path, model);
        Tensor[] tokens = [.. classes.Select(c => file.Concepts.FirstOrDefault(f => f.Name == c.Name)?.Embeddings.to(segmenter.Device)
            ?? throw new ConesException($"{path} has no concept of the class '{c.Name}', only of {string.Join(", ", file.Concepts.Select(f => f.Name).Take(20))}: leave the class out (--classes), or search it first"))];
        if (method != SegmentationMethod.Concept) return TokensPrompt.Fixed(tokens, segmenter.Device);
        // With SAM 3 a sequence begins with the token that every text begins with.
        var first = segmenter.PromptsAreObjects ? 0 : 1;
        if (tokens.Any(t => t.shape[0] <= first)) throw new ConesException($"{path} has no tokens to go on from, since boxes alone were better: begin anew (without --start)");
        return TokensPrompt.Searched([.. tokens.Select(t => t.narrow(0, first, t.shape[0] - first))], segmenter.Device, first == 0 ? null : tokens[0].narrow(0, 0, 1));
    }

    /// <summary>Refuses a file of another task or model.</summary>
    public static void RequireFitting(ConceptFile file, ISegmenter segmenter, string path, string model)
    {
        var metadata = file.Metadata;
        if (metadata.Task != "segmentation") throw new ConesException($"{path} was searched for {metadata.Task}, not for segmentation: name a concept of `cones search segmentation`");
        if (metadata.ModelFamily != segmenter.Family || metadata.ModelFingerprint != segmenter.Fingerprint) file.RequireModel(path, segmenter.Fingerprint, model);
        if (file.Concepts.FirstOrDefault(c => c.Embeddings.shape[1] != segmenter.PromptWidth) is { } other)
            throw new ConesException($"{path}: the concept '{other.Name}' has {other.Embeddings.shape[1]} dimensions, {model} reads {segmenter.PromptWidth}: search it again with this model");
    }
}
