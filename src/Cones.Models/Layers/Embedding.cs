using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>A table of vectors, as <c>torch.nn.Embedding</c>.</summary>
public sealed class Embedding : Module
{
    readonly Weight _weight;

    /// <summary>A table of <paramref name="count"/> vectors of <paramref name="dim"/> elements.</summary>
    public Embedding(long count, long dim) => _weight = AddWeight("weight", count, dim);

    /// <summary>The whole table, [count, dim].</summary>
    public Tensor Table => _weight.Value;

    /// <summary>Maps ids [...] (int64) to vectors [..., dim].</summary>
    public Tensor Forward(Tensor ids)
    {
        using var flat = ids.reshape(-1);
        using var rows = _weight.Value.index_select(0, flat); // [N, dim]
        return rows.reshape([.. ids.shape, _weight.Shape[1]]);
    }
}
