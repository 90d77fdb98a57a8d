using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Detr;

/// <summary>Multi-head attention (<c>Sam3Attention</c>).</summary>
sealed class Sam3Attention : Module
{
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly Linear _out;
    readonly int _heads;

    public Sam3Attention(int dim, int heads)
    {
        _query = Add("q_proj", new Linear(dim, dim));
        _key = Add("k_proj", new Linear(dim, dim));
        _value = Add("v_proj", new Linear(dim, dim));
        _out = Add("o_proj", new Linear(dim, dim));
        _heads = heads;
    }

    /// <summary>Maps queries [B, T, C] over keys and values [B, S, C] to the same shape.</summary>
    /// <param name="query">[B, T, C].</param>
    /// <param name="key">[B, S, C].</param>
    /// <param name="value">[B, S, C].</param>
    /// <param name="mask">True where a query may look, or a number that is added to the scores: [B, 1 or heads, 1 or T, S]; null for none.</param>
    public Tensor Forward(Tensor query, Tensor key, Tensor value, Tensor? mask = null)
    {
        using var scope = NewDisposeScope();
        var attended = nn.functional.scaled_dot_product_attention(
            Heads(_query.Forward(query)), Heads(_key.Forward(key)), Heads(_value.Forward(value)), attn_mask: mask); // [B, heads, T, d]
        return _out.Forward(attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope(); // [B, T, C]
    }

    // [B, T, C] -> [B, heads, T, d]
    Tensor Heads(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, -1).transpose(1, 2);
}
