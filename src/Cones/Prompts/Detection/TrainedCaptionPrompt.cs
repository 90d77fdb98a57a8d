using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>Written class names whose text encoder is being trained, so that it runs every step.</summary>
/// <param name="caption">The caption as it was encoded at the beginning, for its places; not owned.</param>
/// <param name="encode">The encodings [1, T, L] as they are now, with a graph to the text encoder's weights.</param>
public sealed class TrainedCaptionPrompt(CaptionEncoding caption, Func<Tensor> encode) : IDetectionPrompt
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
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        return new Conditioning
        {
            Embeddings = encode().to(ScalarType.Float32).expand(templates.Length, -1, -1).MoveToOuterDisposeScope(),
            Mask = caption.Mask.expand(templates.Length, -1).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = Build([0]).Embeddings[0];
        return [.. Classes.Select(c => rows.narrow(0, c[0], c.Count).clone().MoveToOuterDisposeScope())];
    }

    /// <inheritdoc/>
    public void Project()
    {
        // No bounds.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is owned.
    }
}
