using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.UNet;

/// <summary>Self-attention, attention to the prompt, gated feed-forward; as diffusers' <c>BasicTransformerBlock</c>.</summary>
/// <remarks>With <c>only_cross_attention</c> the first attention looks at the prompt too.</remarks>
public sealed class BasicTransformerBlock : Module
{
    readonly LayerNorm _norm1;
    readonly Attention _firstAttention;
    readonly bool _onlyCrossAttention;
    readonly LayerNorm _norm2;
    readonly Attention _crossAttention;
    readonly LayerNorm _norm3;
    readonly Linear _gatedIn;
    readonly Linear _feedForwardOut;

    /// <summary>A block of <paramref name="dim"/> channels.</summary>
    public BasicTransformerBlock(int dim, int heads, int crossAttentionDim, bool onlyCrossAttention = false)
    {
        const int widening = 4;
        _norm1 = Add("norm1", new LayerNorm(dim));
        _onlyCrossAttention = onlyCrossAttention;
        _firstAttention = Add("attn1", new Attention(dim, onlyCrossAttention ? crossAttentionDim : dim, heads));
        _norm2 = Add("norm2", new LayerNorm(dim));
        _crossAttention = Add("attn2", new Attention(dim, crossAttentionDim, heads));
        _norm3 = Add("norm3", new LayerNorm(dim));
        _gatedIn = Add("ff.net.0.proj", new Linear(dim, dim * widening * 2));
        _feedForwardOut = Add("ff.net.2", new Linear(dim * widening, dim));
    }

    /// <summary>Maps tokens [B, N, C] to the same shape; <paramref name="prompt"/> is [B, T, D].</summary>
    public Tensor Forward(Tensor x, Tensor prompt)
    {
        using var scope = NewDisposeScope();
        var normed = _norm1.Forward(x);
        x = x + _firstAttention.Forward(normed, _onlyCrossAttention ? prompt : normed);
        x = x + _crossAttention.Forward(_norm2.Forward(x), prompt);
        x = x + FeedForward(_norm3.Forward(x));
        return x.MoveToOuterDisposeScope();
    }

    Tensor FeedForward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return _feedForwardOut.Forward(Activations.Geglu(_gatedIn.Forward(x))).MoveToOuterDisposeScope(); // [B, N, 8C] -> [B, N, 4C] -> [B, N, C]
    }
}
