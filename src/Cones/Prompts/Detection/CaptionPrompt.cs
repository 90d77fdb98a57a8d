using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>Written class names: the encodings as the text encoder made them, nothing to search.</summary>
/// <param name="caption">The caption; not owned.</param>
public sealed class CaptionPrompt(CaptionEncoding caption) : IDetectionPrompt
{
    /// <inheritdoc/>
    public string Method => "text";

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [];

    /// <inheritdoc/>
    public int TemplateCount => 1;

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<int>> Classes => caption.Classes;

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates) => new()
    {
        Embeddings = caption.Hidden.expand(templates.Length, -1, -1),
        Mask = caption.Mask.expand(templates.Length, -1),
    };

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors() => [.. Enumerable.Range(0, Classes.Count).Select(c => caption.VectorsOf(c).clone())];

    /// <inheritdoc/>
    public void Project()
    {
        // Nothing is trainable.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is owned.
    }
}
