using Cones.Concepts;
using Cones.Concepts.Formats;
using Cones.Models;
using Cones.Models.Clip;
using Cones.Prompts;
using Cones.Tasks.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Cli.Concepts;

/// <summary>A concept as other programs know embeddings.</summary>
static class ConceptExport
{
    // SDXL's encoders, CLIP-L and OpenCLIP bigG.
    const long FirstDim = 768;
    const long SecondDim = 1280;

    /// <summary>Reads a concept file; the caller disposes the result.</summary>
    /// <exception cref="ConesException">No other program can use the concept.</exception>
    public static EmbeddingFile Read(ConvertOptions options, TextWriter notes)
    {
        using var file = ConceptFile.Load(options.Input);
        if (options.Model is not null) file.RequireModel(options.Input, GenerationModel.FingerprintOf(options.Model), options.Model);
        var concept = Choose(file, options);
        if (concept.Layers is not null)
            throw new ConesException($"{options.Input} has vectors of its own for each of {concept.Layers.shape[0]} layers, which no other program's format can hold: search with --shared");

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var metadata = file.Metadata;
        var two = metadata.ModelFamily == "stable-diffusion-xl";
        var vectors = concept.Embeddings.clone().DetachFromDisposeScope(); // the file's own are disposed of
        return metadata.Method switch
        {
            "pseudo-word" => new EmbeddingFile
            {
                Format = two ? EmbeddingFormat.Kohya : EmbeddingFormat.Diffusers,
                Placeholder = concept.Name,
                InputEmbeddings = two ? Split(vectors, options) : new Dictionary<string, Tensor> { [EmbeddingFile.FirstEncoder] = vectors },
                HasTwoEncoders = two,
            },
            "concept" when metadata.SlotRule == SlotRule.Overwrite => Output(concept, vectors, options, two, notes),
            "concept" when metadata.SlotRule is SlotRule.Full or SlotRule.FullWithStart => Prompt(concept, vectors, options, metadata),
            "concept" => throw new ConesException(
                $"{options.Input} was searched with the rule '{SlotRules.NameOf(metadata.SlotRule)}', which no other program's format can hold: search with --rule overwrite or full"),
            _ => throw new ConesException($"{options.Input} was made by the method '{metadata.Method}', whose result no other program's format can hold"),
        };
    }

    static Concept Choose(ConceptFile file, ConvertOptions options)
    {
        var names = string.Join(", ", file.Concepts.Select(c => c.Name));
        if (options.Concept is { } name)
            return file.Concepts.FirstOrDefault(c => c.Name == name) ?? throw new ConesException($"{options.Input} has no concept '{name}' (it has {names})");
        return file.Concepts.Count == 1 ? file.Concepts[0] : throw new ConesException($"{options.Input} has several concepts ({names}): choose one with --concept");
    }

    static EmbeddingFile Output(Concept concept, Tensor vectors, ConvertOptions options, bool two, TextWriter notes)
    {
        if (concept.Pooled is not null) notes.WriteLine("cones: the pooled embedding is left out, since the format has no place for it");
        return new EmbeddingFile
        {
            Format = EmbeddingFormat.OneTrainer,
            Placeholder = concept.Name,
            OutputEmbeddings = two ? Split(vectors, options) : new Dictionary<string, Tensor> { [EmbeddingFile.FirstEncoder] = vectors },
            HasTwoEncoders = two,
        };
    }

    // Vectors for SDXL's two encoders lie side by side.
    static Dictionary<string, Tensor> Split(Tensor vectors, ConvertOptions options)
    {
        var dim = vectors.shape[1];
        var first = options.Model is { } model ? ClipTextConfig.Read(Path.Combine(model, "text_encoder", "config.json")).HiddenSize
            : dim == FirstDim + SecondDim ? FirstDim
            : throw new ConesException($"{options.Input} has {dim} dimensions for two text encoders: name the model's folder with --model, so that they can be told apart");
        if (first >= dim) throw new ConesException($"{options.Input} has {dim} dimensions, the first text encoder of {options.Model} alone has {first}: it is another model");
        var parts = new Dictionary<string, Tensor>
        {
            [EmbeddingFile.FirstEncoder] = vectors.narrow(1, 0, first).contiguous().DetachFromDisposeScope(),
            [EmbeddingFile.SecondEncoder] = vectors.narrow(1, first, dim - first).contiguous().DetachFromDisposeScope(),
        };
        vectors.Dispose();
        return parts;
    }

    static EmbeddingFile Prompt(Concept concept, Tensor vectors, ConvertOptions options, ConceptMetadata metadata)
    {
        var sequence = metadata.SlotRule == SlotRule.Full ? cat([StartToken(options), vectors], 0) : vectors.clone(); // [T, D]
        vectors.Dispose();
        return new EmbeddingFile
        {
            Format = EmbeddingFormat.PromptEmbeds,
            Placeholder = concept.Name,
            Prompt = new PromptEmbeddings(sequence.unsqueeze(0).DetachFromDisposeScope(), concept.Pooled?.unsqueeze(0).clone().DetachFromDisposeScope()),
        };
    }

    /// <summary>The encoding of the start token, [1, D]: the same for every prompt, and not part of the concept.</summary>
    static Tensor StartToken(ConvertOptions options)
    {
        if (options.Model is null)
            throw new ConesException($"{options.Input} lacks the encoding of the start token (rule full-but-first): name the model's folder with --model");
        using var text = TextSide.FromFolder(options.Model);
        using var empty = text.Encode([""], []);
        return empty.Embeddings[0].narrow(0, 0, 1).clone();
    }
}
