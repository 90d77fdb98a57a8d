using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts;

/// <summary>A written prompt: encodings as the text encoder made them, nothing to search.</summary>
public sealed class TextPrompt(TemplateEncodings encodings) : IPrompt
{
    /// <inheritdoc/>
    public string Method => "text";

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [];

    /// <inheritdoc/>
    public int TemplateCount => encodings.Templates.Count;

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        var index = tensor(Array.ConvertAll(templates.ToArray(), t => (long)t), device: encodings.Embeddings.device);
        return new Conditioning
        {
            Embeddings = encodings.Embeddings.index_select(0, index).MoveToOuterDisposeScope(),
            Pooled = encodings.Pooled?.index_select(0, index).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public void Project()
    {
        // Nothing is trainable.
    }
}
