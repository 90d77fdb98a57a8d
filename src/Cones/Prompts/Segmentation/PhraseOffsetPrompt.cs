using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Segmentation;

/// <summary>A vector is added to every token of each class's encoded name, as GLIP's prompt tuning v2 does it. It begins with zeros.</summary>
public sealed class PhraseOffsetPrompt : ISegmentationPrompt
{
    readonly Tensor _rows;
    readonly TokenTable _table;

    /// <summary>A prompt that starts from the names.</summary>
    /// <param name="phrases">The encoded names; not owned.</param>
    public PhraseOffsetPrompt(IReadOnlyList<PhraseEncoding> phrases)
    {
        using var scope = NewDisposeScope();
        _rows = cat([.. phrases.Select(p => p.Rows)], 0).clone().DetachFromDisposeScope();
        Offset = zeros_like(_rows).requires_grad_().DetachFromDisposeScope();
        _table = new TokenTable(TokenTable.Consecutive(phrases.Select(p => p.Length)), _rows.device);
        Parameters = [new("offset", Offset)];
    }

    /// <inheritdoc/>
    public string Method => "offset";

    /// <summary>What is searched, the classes one below the other, [sum of L, C].</summary>
    public Tensor Offset { get; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int TemplateCount => _table.Rows.Count;

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        var built = _table.Take(_rows + Offset, templates);
        return new Conditioning { Embeddings = built.Embeddings.MoveToOuterDisposeScope(), Mask = built.Mask!.MoveToOuterDisposeScope() };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [.. _table.Split(_rows + Offset).Select(t => t.MoveToOuterDisposeScope())];
    }

    /// <inheritdoc/>
    public void Project()
    {
        // No bounds.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rows.Dispose();
        Offset.Dispose();
        _table.Dispose();
    }
}
