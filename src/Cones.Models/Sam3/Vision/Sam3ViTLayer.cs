using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Vision;

/// <summary>One layer: <c>x + attention(norm(x))</c>, then <c>x + mlp(norm(x))</c>; attention inside windows (<c>Sam3ViTLayer</c>).</summary>
sealed class Sam3ViTLayer : Module
{
    readonly LayerNorm _norm1;
    readonly Sam3ViTAttention _attention;
    readonly LayerNorm _norm2;
    readonly Sam3Mlp _mlp;

    public Sam3ViTLayer(Sam3ViTConfig c, int window)
    {
        _norm1 = Add("layer_norm1", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _attention = Add("attention", new Sam3ViTAttention(c, window));
        _norm2 = Add("layer_norm2", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _mlp = Add("mlp", new Sam3Mlp(c.HiddenSize, c.IntermediateSize, c.HiddenAct));
    }

    /// <summary>Maps [B, H, W, D] to the same shape, with the rotary factors of the layer's window.</summary>
    public Tensor Forward(Tensor x, Tensor factors)
    {
        using var scope = NewDisposeScope();
        x = x + _attention.Forward(_norm1.Forward(x), factors);
        x = x + _mlp.Forward(_norm2.Forward(x));
        return x.MoveToOuterDisposeScope();
    }
}

/// <summary>Self-attention inside windows with rotary positions, which restart in every window (<c>Sam3ViTRoPEAttention</c>). Global attention has one window.</summary>
sealed class Sam3ViTAttention : Module
{
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly Linear _out;
    readonly int _window;
    readonly int _heads;

    public Sam3ViTAttention(Sam3ViTConfig c, int window)
    {
        _query = Add("q_proj", new Linear(c.HiddenSize, c.HiddenSize));
        _key = Add("k_proj", new Linear(c.HiddenSize, c.HiddenSize));
        _value = Add("v_proj", new Linear(c.HiddenSize, c.HiddenSize));
        _out = Add("o_proj", new Linear(c.HiddenSize, c.HiddenSize));
        _window = window;
        _heads = c.NumAttentionHeads;
    }

    public Tensor Forward(Tensor x, Tensor factors)
    {
        using var scope = NewDisposeScope();
        var windows = Sam3Windows.Partition(x, _window); // [N, w w, D]
        var q = Sam3Rotation.Apply(Heads(_query.Forward(windows)), factors).transpose(1, 2); // [N, heads, w w, d]
        var k = Sam3Rotation.Apply(Heads(_key.Forward(windows)), factors).transpose(1, 2);
        var v = Heads(_value.Forward(windows)).transpose(1, 2);
        var attended = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2); // [N, w w, D]
        return _out.Forward(Sam3Windows.Merge(attended, _window, x.shape[1], x.shape[2])).MoveToOuterDisposeScope(); // [B, H, W, D]
    }

    // [N, S, D] -> [N, S, heads, d]
    Tensor Heads(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, -1);
}
