using Cones.Models.GroundingDino.Encoder;
using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Decoder;

/// <summary>What the queries look at: the encoder's results.</summary>
/// <param name="Vision">[B, N, D].</param>
/// <param name="Padding">[B, N], bool: true outside the image; null for none.</param>
/// <param name="Levels">The sizes of the maps.</param>
/// <param name="Text">[B, T, D].</param>
/// <param name="TextBias">[B, 1, 1, T], from <see cref="AttentionBias"/>; null for none.</param>
sealed record DecoderMemory(Tensor Vision, Tensor? Padding, IReadOnlyList<FeatureLevel> Levels, Tensor Text, Tensor? TextBias);

/// <summary>
/// Queries attend to each other, to the text, to the image (<c>GroundingDinoDecoderLayer</c>); every sum is normed.
/// </summary>
sealed class DecoderLayer : Module
{
    readonly MultiheadAttention _selfAttention;
    readonly LayerNorm _selfNorm;
    readonly MultiheadAttention _textAttention;
    readonly LayerNorm _textNorm;
    readonly MultiScaleDeformableAttention _visionAttention;
    readonly LayerNorm _visionNorm;
    readonly FeedForward _feedForward;

    public DecoderLayer(GroundingDinoConfig c)
    {
        _selfAttention = Add("self_attn", new MultiheadAttention(c.DModel, c.DecoderAttentionHeads));
        _selfNorm = Add("self_attn_layer_norm", new LayerNorm(c.DModel, c.LayerNormEps));
        _textAttention = Add("encoder_attn_text", new MultiheadAttention(c.DModel, c.DecoderAttentionHeads));
        _textNorm = Add("encoder_attn_text_layer_norm", new LayerNorm(c.DModel, c.LayerNormEps));
        _visionAttention = Add("encoder_attn", new MultiScaleDeformableAttention(c.DModel, c.DecoderAttentionHeads, c.NumFeatureLevels, c.DecoderPoints));
        _visionNorm = Add("encoder_attn_layer_norm", new LayerNorm(c.DModel, c.LayerNormEps));
        _feedForward = new FeedForward(
            Add("fc1", new Linear(c.DModel, c.DecoderFfnDim)),
            Add("fc2", new Linear(c.DecoderFfnDim, c.DModel)),
            Add("final_layer_norm", new LayerNorm(c.DModel, c.LayerNormEps)),
            c.ActivationFunction);
    }

    /// <summary>Maps [B, Q, D] to the same.</summary>
    /// <param name="states">[B, Q, D].</param>
    /// <param name="positions">[B, Q, D], added to the queries, and to the keys of self-attention.</param>
    /// <param name="references">[B, Q, levels, 4].</param>
    /// <param name="memory">What is attended to.</param>
    public Tensor Forward(Tensor states, Tensor positions, Tensor references, DecoderMemory memory)
    {
        using var scope = NewDisposeScope();
        var placed = states + positions;
        states = _selfNorm.Forward(states + _selfAttention.Forward(placed, placed, states, null));
        states = _textNorm.Forward(states + _textAttention.Forward(states + positions, memory.Text, memory.Text, memory.TextBias));
        states = _visionNorm.Forward(states + _visionAttention.Forward(states + positions, memory.Vision, memory.Padding, references, memory.Levels));
        return _feedForward.Forward(states).MoveToOuterDisposeScope();
    }
}
