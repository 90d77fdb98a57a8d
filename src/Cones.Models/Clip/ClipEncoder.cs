using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>The transformer layers of both towers, as transformers' <c>CLIPEncoder</c>.</summary>
public sealed class ClipEncoder : Module
{
    readonly ModuleList<ClipEncoderLayer> _layers;

    /// <summary>An encoder of equal layers.</summary>
    public ClipEncoder(int layers, int dim, int intermediate, int heads, string act, double eps) =>
        _layers = Add("layers", new ModuleList<ClipEncoderLayer>(
            Enumerable.Range(0, layers).Select(_ => new ClipEncoderLayer(dim, intermediate, heads, act, eps))));

    /// <summary>Maps [B, T, D] to the input of every layer and the output of the last: layers + 1 tensors [B, T, D].</summary>
    /// <param name="x">The embeddings.</param>
    /// <param name="causal">Whether a slot sees only itself and the ones before it.</param>
    /// <param name="mask">Added to the scores, [B, 1, T, T]; replaces <paramref name="causal"/>.</param>
    public IReadOnlyList<Tensor> Forward(Tensor x, bool causal, Tensor? mask)
    {
        var states = new List<Tensor>(_layers.Count + 1) { x };
        foreach (var layer in _layers) states.Add(layer.Forward(states[^1], causal, mask));
        return states;
    }
}

/// <summary>Self-attention and feed-forward, both with a normalisation before; as transformers' <c>CLIPEncoderLayer</c>.</summary>
public sealed class ClipEncoderLayer : Module
{
    readonly LayerNorm _norm1;
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly Linear _out;
    readonly LayerNorm _norm2;
    readonly Linear _fc1;
    readonly Linear _fc2;
    readonly Func<Tensor, Tensor> _act;
    readonly int _heads;

    /// <summary>A layer.</summary>
    public ClipEncoderLayer(int dim, int intermediate, int heads, string act, double eps)
    {
        _key = Add("self_attn.k_proj", new Linear(dim, dim));
        _value = Add("self_attn.v_proj", new Linear(dim, dim));
        _query = Add("self_attn.q_proj", new Linear(dim, dim));
        _out = Add("self_attn.out_proj", new Linear(dim, dim));
        _norm1 = Add("layer_norm1", new LayerNorm(dim, eps));
        _fc1 = Add("mlp.fc1", new Linear(dim, intermediate));
        _fc2 = Add("mlp.fc2", new Linear(intermediate, dim));
        _norm2 = Add("layer_norm2", new LayerNorm(dim, eps));
        _act = Activations.Named(act);
        _heads = heads;
    }

    /// <summary>Maps [B, T, D] to the same shape.</summary>
    public Tensor Forward(Tensor x, bool causal, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        x = x + Attend(_norm1.Forward(x), causal, mask);
        x = x + _fc2.Forward(_act(_fc1.Forward(_norm2.Forward(x))));
        return x.MoveToOuterDisposeScope();
    }

    Tensor Attend(Tensor x, bool causal, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        var attended = nn.functional.scaled_dot_product_attention(
            SplitHeads(_query.Forward(x)), SplitHeads(_key.Forward(x)), SplitHeads(_value.Forward(x)), mask, is_casual: mask is null && causal);
        var merged = attended.transpose(1, 2).reshape(x.shape); // [B, h, T, d] -> [B, T, D]
        return _out.Forward(merged).MoveToOuterDisposeScope();
    }

    // [B, T, D] -> [B, h, T, d]
    Tensor SplitHeads(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, -1).transpose(1, 2);
}
