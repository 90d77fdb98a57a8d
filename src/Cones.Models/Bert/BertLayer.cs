using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Bert;

/// <summary>
/// One transformer layer with the norms after the residual sums (<c>BertLayer</c> of transformers). GLIP's head has single
/// layers of this kind.
/// </summary>
public sealed class BertLayer : Module
{
    readonly BertAttention _attention;
    readonly Linear _intermediate;
    readonly Func<Tensor, Tensor> _activation;
    readonly BertResidual _output;
    readonly Func<Tensor, Tensor> _limit;
    readonly int _width;

    /// <summary>A layer without weights.</summary>
    /// <param name="config">The widths, the heads, the activation and the epsilon.</param>
    /// <param name="limit">
    /// GLIP's guard against overflow: scores, feed-forward activations and the result are clamped to ± this. Null for the
    /// plain layer.
    /// </param>
    /// <exception cref="ArgumentException">The configuration is impossible.</exception>
    public BertLayer(BertConfig config, double? limit = null)
    {
        config.Validate();
        _width = config.HiddenSize;
        _limit = limit is { } bound ? x => x.clamp(-bound, bound) : x => x;
        _attention = Add("attention", new BertAttention(config, limit));
        _intermediate = Add("intermediate.dense", new Linear(config.HiddenSize, config.IntermediateSize));
        _activation = Activations.Named(config.HiddenAct);
        _output = Add("output", new BertResidual(config.IntermediateSize, config, _limit));
    }

    /// <summary>Runs the layer.</summary>
    /// <param name="x">[B, T, D].</param>
    /// <param name="mask">From <see cref="BertMask.ForHeads"/>, or null for no mask.</param>
    /// <returns>[B, T, D].</returns>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public Tensor Forward(Tensor x, Tensor? mask = null)
    {
        ShapeCheck.Require(nameof(x), x, ShapeCheck.Any, ShapeCheck.Any, _width);
        if (mask is not null) BertMask.RequireForHeads(mask, x.shape[0], x.shape[1]);
        using var scope = NewDisposeScope();
        var attended = _attention.Forward(x, mask);
        var wide = _limit(_activation(_limit(_intermediate.Forward(attended)))); // [B, T, intermediate]
        return _limit(_output.Forward(wide, attended)).MoveToOuterDisposeScope();
    }
}

/// <summary>Self-attention and the sum after it (<c>BertAttention</c>).</summary>
sealed class BertAttention : Module
{
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly BertResidual _output;
    readonly int _heads;
    readonly double? _limit;

    public BertAttention(BertConfig config, double? limit)
    {
        _query = Add("self.query", new Linear(config.HiddenSize, config.HiddenSize));
        _key = Add("self.key", new Linear(config.HiddenSize, config.HiddenSize));
        _value = Add("self.value", new Linear(config.HiddenSize, config.HiddenSize));
        _output = Add("output", new BertResidual(config.HiddenSize, config, y => y));
        _heads = config.NumAttentionHeads;
        _limit = limit;
    }

    public Tensor Forward(Tensor x, Tensor? mask)
    {
        var q = SplitHeads(_query.Forward(x));
        var k = SplitHeads(_key.Forward(x));
        var v = SplitHeads(_value.Forward(x));
        var mixed = _limit is { } bound
            ? Clamped(q, k, v, mask, bound)
            : nn.functional.scaled_dot_product_attention(q, k, v, attn_mask: mask); // [B, heads, T, D / heads]
        return _output.Forward(mixed.transpose(1, 2).reshape(x.shape), x); // [B, T, D]
    }

    static Tensor Clamped(Tensor q, Tensor k, Tensor v, Tensor? mask, double bound)
    {
        var scores = (q.matmul(k.transpose(-2, -1)) / Math.Sqrt(q.shape[^1])).clamp(-bound, bound); // [B, heads, T, T]
        // A finite number, so that a slot that may see nothing stays finite.
        if (mask is not null) scores = scores.masked_fill(mask.logical_not(), finfo(scores.dtype).min);
        return scores.softmax(-1).matmul(v);
    }

    // [B, T, D] -> [B, heads, T, D / heads]
    Tensor SplitHeads(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, x.shape[2] / _heads).transpose(1, 2);
}

/// <summary>A projection, a residual sum and a norm (<c>BertSelfOutput</c>, <c>BertOutput</c>).</summary>
sealed class BertResidual : Module
{
    readonly Linear _dense;
    readonly LayerNorm _norm;
    readonly Func<Tensor, Tensor> _limit;

    public BertResidual(int inFeatures, BertConfig config, Func<Tensor, Tensor> limit)
    {
        _dense = Add("dense", new Linear(inFeatures, config.HiddenSize));
        _norm = Add("LayerNorm", new LayerNorm(config.HiddenSize, config.LayerNormEps));
        _limit = limit;
    }

    public Tensor Forward(Tensor x, Tensor residual) => _norm.Forward(_limit(_dense.Forward(x)) + residual);
}
