using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>A table of vectors, as <c>torch.nn.Embedding</c>.</summary>
public sealed class Embedding : Module
{
    readonly Weight _weight;
    readonly long? _paddingIndex;

    /// <summary>A table of <paramref name="count"/> vectors of <paramref name="dim"/> elements.</summary>
    /// <param name="count">The rows.</param>
    /// <param name="dim">The elements of a row.</param>
    /// <param name="paddingIndex">The row that is never trained (<c>padding_idx</c>), or null.</param>
    public Embedding(long count, long dim, long? paddingIndex = null)
    {
        _weight = AddWeight("weight", count, dim);
        _paddingIndex = paddingIndex;
    }

    /// <summary>The whole table, [count, dim].</summary>
    public Tensor Table => _weight.Value;

    /// <summary>Maps ids [...] (int64) to vectors [..., dim].</summary>
    public Tensor Forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var flat = ids.reshape(-1);
        var rows = _weight.Value.index_select(0, flat); // [N, dim]
        if (_paddingIndex is { } padding && rows.requires_grad) rows = rows.detach().where(flat.eq(padding).unsqueeze(1), rows);
        return rows.reshape([.. ids.shape, _weight.Shape[1]]).MoveToOuterDisposeScope();
    }
}
