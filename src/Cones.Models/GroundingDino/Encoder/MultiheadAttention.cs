using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>Attention with several heads (<c>GroundingDinoMultiheadAttention</c>).</summary>
sealed class MultiheadAttention : Module
{
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly Linear _out;
    readonly int _heads;

    public MultiheadAttention(int dim, int heads)
    {
        _query = Add("query", new Linear(dim, dim));
        _key = Add("key", new Linear(dim, dim));
        _value = Add("value", new Linear(dim, dim));
        _out = Add("out_proj", new Linear(dim, dim));
        _heads = heads;
    }

    /// <summary>Attends.</summary>
    /// <param name="queries">[B, Q, D].</param>
    /// <param name="keys">[B, K, D].</param>
    /// <param name="values">[B, K, D].</param>
    /// <param name="bias">[B, 1, 1 or Q, K], added to the scores; from <see cref="AttentionBias"/>. Null for none.</param>
    /// <returns>[B, Q, D].</returns>
    public Tensor Forward(Tensor queries, Tensor keys, Tensor values, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = (_query.Forward(queries), _key.Forward(keys), _value.Forward(values));
        var mixed = bias is null ? MultiHeadAttention.Apply(q, k, v, _heads) : Masked(q, k, v, bias);
        return _out.Forward(mixed).MoveToOuterDisposeScope();
    }

    Tensor Masked(Tensor q, Tensor k, Tensor v, Tensor bias)
    {
        var mixed = nn.functional.scaled_dot_product_attention(SplitHeads(q), SplitHeads(k), SplitHeads(v), attn_mask: bias); // [B, heads, Q, D / heads]
        return mixed.transpose(1, 2).reshape(q.shape); // [B, Q, D]
    }

    // [B, T, D] -> [B, heads, T, D / heads]
    Tensor SplitHeads(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, x.shape[2] / _heads).transpose(1, 2);
}

/// <summary>Makes masks into what is added to attention scores.</summary>
static class AttentionBias
{
    /// <summary>Zero where <paramref name="allowed"/>, the lowest finite number elsewhere: a row that may see nothing stays finite.</summary>
    /// <param name="allowed">Any shape, bool.</param>
    /// <param name="type">The type of the scores.</param>
    public static Tensor From(Tensor allowed, ScalarType type)
    {
        using var scope = NewDisposeScope();
        return zeros(allowed.shape, type, allowed.device).masked_fill_(allowed.logical_not(), finfo(type).min).MoveToOuterDisposeScope();
    }
}
