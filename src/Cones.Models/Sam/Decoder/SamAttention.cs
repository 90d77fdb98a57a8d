using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Decoder;

/// <summary>Multi-head attention that may be narrower inside (<c>SamAttention</c>).</summary>
sealed class SamAttention : Module
{
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly Linear _out;
    readonly int _heads;

    public SamAttention(SamMaskDecoderConfig c, int downsampleRate)
    {
        var inner = c.HiddenSize / downsampleRate;
        _query = Add("q_proj", new Linear(c.HiddenSize, inner));
        _key = Add("k_proj", new Linear(c.HiddenSize, inner));
        _value = Add("v_proj", new Linear(c.HiddenSize, inner));
        _out = Add("out_proj", new Linear(inner, c.HiddenSize));
        _heads = c.NumAttentionHeads;
    }

    /// <summary>
    /// Maps queries [B, P, Tq, C] to the same shape. A dimension P of 1 is shared by all prompts: it is projected once.
    /// </summary>
    public Tensor Forward(Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        var (batch, prompts) = (query.shape[0], Math.Max(query.shape[1], key.shape[1]));
        var attended = nn.functional.scaled_dot_product_attention(
            SplitHeads(_query.Forward(query), prompts), SplitHeads(_key.Forward(key), prompts), SplitHeads(_value.Forward(value), prompts));
        var merged = attended.transpose(1, 2).reshape(batch, prompts, query.shape[2], -1); // [B P, heads, Tq, d] -> [B, P, Tq, inner]
        return _out.Forward(merged).MoveToOuterDisposeScope();
    }

    // [B, P or 1, T, inner] -> [B P, heads, T, d]
    Tensor SplitHeads(Tensor x, long prompts) =>
        x.expand(-1, prompts, -1, -1).reshape(x.shape[0] * prompts, x.shape[2], _heads, -1).transpose(1, 2);
}
