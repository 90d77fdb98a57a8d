using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>
/// GLIP's prompt tuning v2 (<c>tunable_linear</c>): a vector is added to every slot of the caption's encoding, the start and the
/// separators included. It begins with zeros.
/// </summary>
public sealed class OffsetPrompt : IDetectionPrompt
{
    readonly CaptionEncoding _caption;

    /// <summary>A prompt that starts from the caption.</summary>
    /// <param name="caption">The encoded caption; not owned.</param>
    public OffsetPrompt(CaptionEncoding caption)
    {
        _caption = caption;
        Offset = zeros([caption.Length, caption.Dim], ScalarType.Float32, caption.Hidden.device).requires_grad_().DetachFromDisposeScope();
        Parameters = [new("offset", Offset)];
    }

    /// <inheritdoc/>
    public string Method => "offset";

    /// <summary>What is searched, [T, L].</summary>
    public Tensor Offset { get; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int TemplateCount => 1;

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<int>> Classes => _caption.Classes;

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        return new Conditioning
        {
            Embeddings = (_caption.Hidden + Offset).expand(templates.Length, -1, -1).MoveToOuterDisposeScope(),
            Mask = _caption.Mask.expand(templates.Length, -1).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [(_caption.Hidden[0] + Offset).detach().clone().MoveToOuterDisposeScope()];
    }

    /// <inheritdoc/>
    public void Project()
    {
        // No bounds.
    }

    /// <inheritdoc/>
    public void Dispose() => Offset.Dispose();
}
