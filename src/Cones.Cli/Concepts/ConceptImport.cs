using System.Globalization;
using System.Reflection;
using Cones.Concepts;
using Cones.Concepts.Formats;
using Cones.Models;
using Cones.Models.Clip;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Tasks.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Cli.Concepts;

/// <summary>An embedding of another program as a concept.</summary>
static class ConceptImport
{
    /// <summary>A name from a file's, e.g. <c>&lt;dog&gt;</c> from <c>dog.pt</c>.</summary>
    public static string NameFromFile(string path) => InBrackets(Path.GetFileNameWithoutExtension(path));

    /// <summary>Makes a concept file; the caller disposes it.</summary>
    /// <exception cref="ConesException">The embedding does not fit the model, or concepts cannot express it.</exception>
    public static ConceptFile ToConcept(EmbeddingFile file, ConvertOptions options, TextWriter notes)
    {
        if (options.Model is not { } model)
            throw new ConesException($"{options.Input} does not say which model it is for: name the model's folder with --model");
        var fingerprint = GenerationModel.FingerprintOf(model);
        var unet = UNet2DConditionConfig.FromFile(Path.Combine(model, "unet", "config.json"));
        var text = ClipTextConfig.Read(Path.Combine(model, "text_encoder", "config.json"));
        if (file.InputEmbeddings.Count > 0 && file.OutputEmbeddings.Count > 0)
            throw new ConesException($"{options.Input} has embeddings at both ends of the text encoder, a concept has one: convert files with one end");
        if (file.HasTwoEncoders != unet.HasTextTime && file.Prompt is null)
            throw new ConesException($"{options.Input} is for {(file.HasTwoEncoders ? "two text encoders" : "one text encoder")}, {model} has {(unet.HasTextTime ? "two" : "one")}: name the model that it was made for");

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (vectors, pooled, method, rule, dim) = file switch
        {
            { Prompt: { } prompt } => (prompt.Embeddings[0], prompt.Pooled?[0], "concept", SlotRule.FullWithStart, unet.PromptDim),
            { OutputEmbeddings.Count: > 0 } => (Joined(file.OutputEmbeddings, options.Input), (Tensor?)null, "concept", SlotRule.Overwrite, unet.PromptDim),
            { HasTwoEncoders: true } => (Joined(file.InputEmbeddings, options.Input), null, "pseudo-word", SlotRule.Overwrite, unet.PromptDim),
            _ => (file.InputEmbeddings[EmbeddingFile.FirstEncoder], null, "pseudo-word", SlotRule.Overwrite, text.HiddenSize),
        };
        if (vectors.shape[1] != dim)
            throw new ConesException($"{options.Input} has {vectors.shape[1]} dimensions, {model} has {dim}: name the model that it was made for");
        if (file.Prompt is not null && vectors.shape[0] != text.MaxPositionEmbeddings)
            throw new ConesException($"{options.Input} is a prompt of {vectors.shape[0]} slots, {model} has {text.MaxPositionEmbeddings}: encode it without prompts longer than that");
        if (vectors.shape[0] > text.MaxPositionEmbeddings - (rule == SlotRule.Overwrite ? 2 : 0))
            throw new ConesException($"{options.Input} has {vectors.shape[0]} vectors, more than a prompt of {model} holds ({text.MaxPositionEmbeddings} slots, start and end included)");
        if (!isfinite(vectors).all().item<bool>()) throw new ConesException($"{options.Input} holds NaN or infinity: it is damaged");
        if (file.Prompt?.Negative is not null) notes.WriteLine("cones: the negative prompt is left out, since a concept has none");

        var name = options.Name ?? (file.Placeholder is { Length: > 0 } given ? InBrackets(given) : NameFromFile(options.Input));
        var metadata = new ConceptMetadata
        {
            Method = method,
            Task = "generation",
            ModelFamily = unet.HasTextTime ? "stable-diffusion-xl" : "stable-diffusion",
            ModelFingerprint = fingerprint,
            SlotRule = rule,
            BaseText = options.BaseText,
            Init = $"imported: {Path.GetFileName(options.Input)} ({EmbeddingFormats.NameOf(file.Format)}, {file.StoredType.Name()})",
            Steps = int.TryParse(file.Metadata.GetValueOrDefault("step"), CultureInfo.InvariantCulture, out var step) && step >= 0 ? step : 0,
            ToolVersion = $"cones {typeof(ConceptFile).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]}",
        };
        return new ConceptFile([Concept.FromVectors(name, vectors, pooled)], metadata);
    }

    static Tensor Joined(IReadOnlyDictionary<string, Tensor> parts, string path)
    {
        if (parts.Count == 1 && parts.TryGetValue(EmbeddingFile.FirstEncoder, out var only)) return only;
        return parts.TryGetValue(EmbeddingFile.FirstEncoder, out var first) && parts.TryGetValue(EmbeddingFile.SecondEncoder, out var second)
            ? cat([first, second], -1) // [n, D1 + D2]
            : throw new ConesException($"{path} has embeddings for one of two text encoders: a concept needs both");
    }

    // A bare word could be one that prompts use otherwise.
    static string InBrackets(string name) => name.StartsWith('<') && name.EndsWith('>') ? name : $"<{name}>";
}
