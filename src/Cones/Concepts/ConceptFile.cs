using Cones.Models;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Concepts;

/// <summary>
/// A concept file, <c>*.concept.safetensors</c>: <c>concept.&lt;name&gt;</c> [slots, dim] float32 for each placeholder or
/// class, <c>layers.&lt;name&gt;</c> [layers, slots, dim] where each cross-attention layer has its own, <c>pooled.&lt;name&gt;</c>
/// [P] where the model needs it; and <see cref="ConceptMetadata"/>.
/// </summary>
public sealed class ConceptFile : IDisposable
{
    /// <summary>The file name's ending.</summary>
    public const string Extension = ".concept.safetensors";

    const string EmbeddingPrefix = "concept.";
    const string LayersPrefix = "layers.";
    const string PooledPrefix = "pooled.";

    /// <summary>Concepts with their origin; owns the tensors.</summary>
    /// <exception cref="ArgumentException">There are none, or two have one name.</exception>
    public ConceptFile(IReadOnlyList<Concept> concepts, ConceptMetadata metadata)
    {
        if (concepts.Count == 0) throw new ArgumentException("a concept file needs a concept", nameof(concepts));
        if (concepts.GroupBy(c => c.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ArgumentException($"two concepts are called '{twice.Key}'", nameof(concepts));
        Concepts = concepts;
        Metadata = metadata;
    }

    /// <summary>The concepts, in the order of their names.</summary>
    public IReadOnlyList<Concept> Concepts { get; }

    /// <summary>Where they come from and what they fit.</summary>
    public ConceptMetadata Metadata { get; }

    /// <summary>Writes the file atomically; the same concepts give the same bytes.</summary>
    /// <exception cref="ConesException">The file cannot be written.</exception>
    public void Save(string path)
    {
        var tensors = new Dictionary<string, Tensor>();
        foreach (var concept in Concepts)
        {
            tensors[EmbeddingPrefix + concept.Name] = concept.Embeddings;
            if (concept.Layers is not null) tensors[LayersPrefix + concept.Name] = concept.Layers;
            if (concept.Pooled is not null) tensors[PooledPrefix + concept.Name] = concept.Pooled;
        }

        SafetensorsWriter.Write(path, tensors, Metadata.ToDictionary());
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConesException">The file is missing, damaged, or no concept file.</exception>
    public static ConceptFile Load(string path)
    {
        using var file = SafetensorsFile.Open(path);
        var metadata = ConceptMetadata.Parse(file.Metadata, path);
        string[] names = [.. file.Tensors.Keys.Where(k => k.StartsWith(EmbeddingPrefix, StringComparison.Ordinal)).Select(k => k[EmbeddingPrefix.Length..]).Order(StringComparer.Ordinal)];
        if (names.Length == 0) throw new ConesException($"{path} holds no concept: the file is damaged");
        return new ConceptFile([.. names.Select(n => ReadConcept(file, n))], metadata);
    }

    /// <summary>Refuses a file that was searched with another model.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="fingerprint">The model's fingerprint.</param>
    /// <param name="model">The model's name, for the message.</param>
    /// <exception cref="ConesException">The fingerprints differ.</exception>
    public void RequireModel(string path, string fingerprint, string model)
    {
        if (Metadata.ModelFingerprint == fingerprint) return;
        var dim = Concepts[0].Embeddings.shape[^1];
        throw new ConesException(
            $"{path} was searched for another model ({Metadata.ModelFamily}, {dim} dimensions, fingerprint {Short(Metadata.ModelFingerprint)}) than {model} ({Short(fingerprint)}): search it again with this model");

        static string Short(string fingerprint) => fingerprint.Length > 12 ? fingerprint[..12] : fingerprint;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var concept in Concepts) concept.Dispose();
    }

    static Concept ReadConcept(SafetensorsFile file, string name)
    {
        var embeddings = Read(file, EmbeddingPrefix + name, 2)!;
        var layers = Read(file, LayersPrefix + name, 3);
        if (layers is not null && !layers.shape.AsSpan(1).SequenceEqual(embeddings.shape))
            throw new ConesException($"{file.Path} is damaged: the layers of '{name}' have shape [{string.Join(",", layers.shape)}], the mean [{string.Join(",", embeddings.shape)}]");
        return new Concept(name, embeddings, layers, Read(file, PooledPrefix + name, 1));
    }

    static Tensor? Read(SafetensorsFile file, string key, int dimensions)
    {
        if (!file.Tensors.TryGetValue(key, out var info)) return null;
        if (info.Shape.Count != dimensions)
            throw new ConesException($"{file.Path} is damaged: {key} has shape [{string.Join(",", info.Shape)}], {dimensions} dimensions expected");
        return file.Read(key, ScalarType.Float32).DetachFromDisposeScope();
    }
}
