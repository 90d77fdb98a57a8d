using Cones.Concepts;
using Cones.Concepts.Formats;
using Cones.Models.Weights;

namespace Cones.Cli.Concepts;

/// <summary>What a file of concepts or embeddings holds.</summary>
/// <param name="Path">The file.</param>
/// <param name="Format"><c>cones</c>, or the name of another program's format (<see cref="EmbeddingFormats"/>).</param>
/// <param name="Bytes">The file's size.</param>
/// <param name="Placeholder">The name that another program's file gives, or null.</param>
/// <param name="FitsModel">Whether it fits the model that was asked about, or null.</param>
/// <param name="Vectors">The vectors.</param>
/// <param name="Metadata">The file's own text.</param>
sealed record ConceptReport(
    string Path,
    string Format,
    long Bytes,
    string? Placeholder,
    bool? FitsModel,
    IReadOnlyList<VectorReport> Vectors,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Whether a file is a concept file, by its metadata; what cannot be read is none.</summary>
    public static bool IsConcept(string path)
    {
        if (Checkpoint.FormatOf(path) != CheckpointFormat.Safetensors) return false;
        using var file = SafetensorsFile.Open(path);
        return file.Metadata.GetValueOrDefault("format") == "cones.concept";
    }

    public static ConceptReport Of(ConceptFile file, string path, bool? fitsModel) => new(
        path,
        EmbeddingFormats.Own,
        new FileInfo(path).Length,
        null,
        fitsModel,
        [.. file.Concepts.Select(c => VectorReport.Of(c.Name, c.Vectors, c.Pooled))],
        file.Metadata.ToDictionary());

    public static ConceptReport Of(EmbeddingFile file, string path) => new(
        path,
        EmbeddingFormats.NameOf(file.Format),
        new FileInfo(path).Length,
        file.Placeholder,
        null,
        [
            .. file.InputEmbeddings.Select(e => VectorReport.Of($"input of {e.Key}", e.Value)),
            .. file.OutputEmbeddings.Select(e => VectorReport.Of($"output of {e.Key}", e.Value)),
            .. (file.Prompt?.ToDictionary() ?? new Dictionary<string, TorchSharp.torch.Tensor>()).Select(t => VectorReport.Of(t.Key, t.Value)),
        ],
        file.Metadata);
}
