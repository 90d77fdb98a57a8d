using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>Self-attention of the text, each phrase for itself (<c>GroundingDinoTextEnhancerLayer</c>).</summary>
sealed class TextEnhancerLayer : Module
{
    readonly MultiheadAttention _attention;
    readonly LayerNorm _attentionNorm;
    readonly FeedForward _feedForward;

    public TextEnhancerLayer(GroundingDinoConfig c)
    {
        _attention = Add("self_attn", new MultiheadAttention(c.DModel, c.EncoderAttentionHeads / 2));
        _attentionNorm = Add("layer_norm_before", new LayerNorm(c.DModel, c.LayerNormEps));
        _feedForward = new FeedForward(
            Add("fc1", new Linear(c.DModel, c.EncoderFfnDim / 2)),
            Add("fc2", new Linear(c.EncoderFfnDim / 2, c.DModel)),
            Add("layer_norm_after", new LayerNorm(c.DModel, c.LayerNormEps)),
            c.ActivationFunction);
    }

    /// <summary>Maps [B, T, D] to the same.</summary>
    /// <param name="text">[B, T, D].</param>
    /// <param name="positions">[B, T, D], added to queries and keys.</param>
    /// <param name="bias">[B, 1, T, T], from <see cref="AttentionBias"/>.</param>
    public Tensor Forward(Tensor text, Tensor positions, Tensor bias)
    {
        using var scope = NewDisposeScope();
        var placed = text + positions;
        text = _attentionNorm.Forward(text + _attention.Forward(placed, placed, text, bias));
        return _feedForward.Forward(text).MoveToOuterDisposeScope();
    }
}
