using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>The stack of pre-norm transformer layers of either tower (<c>CLIPEncoder</c>).</summary>
sealed class ClipEncoder : Module
{
    readonly ModuleList<ClipEncoderLayer> _layers;

    public ClipEncoder(int layers, int dim, int intermediate, int heads, double eps, string activation) =>
        _layers = Add("layers", new ModuleList<ClipEncoderLayer>(
            Enumerable.Range(0, layers).Select(_ => new ClipEncoderLayer(dim, intermediate, heads, eps, activation))));

    /// <summary>Runs all layers.</summary>
    /// <param name="x">[B, T, D]</param>
    /// <param name="mask">[B, 1, T, T], true where a query (third) may look at a key (last); null for no mask.</param>
    /// <param name="causal">Whether slots look back only; with a mask, say it there.</param>
    /// <returns><paramref name="x"/> and the output of each layer: layers + 1 tensors [B, T, D].</returns>
    public IReadOnlyList<Tensor> Forward(Tensor x, Tensor? mask = null, bool causal = false)
    {
        var states = new List<Tensor>(_layers.Count + 1) { x };
        foreach (var layer in _layers) states.Add(layer.Forward(states[^1], mask, causal));
        return states;
    }
}

/// <summary>One layer: <c>x + attention(norm(x))</c>, then <c>x + mlp(norm(x))</c> (<c>CLIPEncoderLayer</c>).</summary>
sealed class ClipEncoderLayer : Module
{
    readonly ClipAttention _attention;
    readonly LayerNorm _norm1;
    readonly ClipMlp _mlp;
    readonly LayerNorm _norm2;

    public ClipEncoderLayer(int dim, int intermediate, int heads, double eps, string activation)
    {
        _attention = Add("self_attn", new ClipAttention(dim, heads));
        _norm1 = Add("layer_norm1", new LayerNorm(dim, eps));
        _mlp = Add("mlp", new ClipMlp(dim, intermediate, activation));
        _norm2 = Add("layer_norm2", new LayerNorm(dim, eps));
    }

    public Tensor Forward(Tensor x, Tensor? mask, bool causal)
    {
        using var scope = NewDisposeScope();
        x = x + _attention.Forward(_norm1.Forward(x), mask, causal);
        x = x + _mlp.Forward(_norm2.Forward(x));
        return x.MoveToOuterDisposeScope();
    }
}

/// <summary>Multi-head self-attention; scores are scaled by one over the root of the head's width (<c>CLIPAttention</c>).</summary>
sealed class ClipAttention : Module
{
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly Linear _out;
    readonly int _heads;

    public ClipAttention(int dim, int heads)
    {
        _query = Add("q_proj", new Linear(dim, dim));
        _key = Add("k_proj", new Linear(dim, dim));
        _value = Add("v_proj", new Linear(dim, dim));
        _out = Add("out_proj", new Linear(dim, dim));
        _heads = heads;
    }

    public Tensor Forward(Tensor x, Tensor? mask, bool causal)
    {
        var q = SplitHeads(_query.Forward(x));
        var k = SplitHeads(_key.Forward(x));
        var v = SplitHeads(_value.Forward(x));
        var mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask: mask, is_casual: causal); // [B, heads, T, D / heads]
        return _out.Forward(mixed.transpose(1, 2).reshape(x.shape)); // [B, T, D]
    }

    // [B, T, D] -> [B, heads, T, D / heads]
    Tensor SplitHeads(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, x.shape[2] / _heads).transpose(1, 2);
}

/// <summary>The two feed-forward layers (<c>CLIPMLP</c>).</summary>
sealed class ClipMlp : Module
{
    readonly Linear _fc1;
    readonly Linear _fc2;
    readonly Func<Tensor, Tensor> _activation;

    public ClipMlp(int dim, int intermediate, string activation)
    {
        _fc1 = Add("fc1", new Linear(dim, intermediate));
        _fc2 = Add("fc2", new Linear(intermediate, dim));
        _activation = Activations.Named(activation);
    }

    public Tensor Forward(Tensor x) => _fc2.Forward(_activation(_fc1.Forward(x)));
}
