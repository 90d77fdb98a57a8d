using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>Self-attention of the image features over all levels (<c>GroundingDinoDeformableLayer</c>).</summary>
sealed class DeformableLayer : Module
{
    readonly MultiScaleDeformableAttention _attention;
    readonly LayerNorm _attentionNorm;

    public DeformableLayer(GroundingDinoConfig c)
    {
        _attention = Add("self_attn", new MultiScaleDeformableAttention(c.DModel, c.EncoderAttentionHeads, c.NumFeatureLevels, c.EncoderPoints));
        _attentionNorm = Add("self_attn_layer_norm", new LayerNorm(c.DModel, c.LayerNormEps));
        FeedForward = new FeedForward(
            Add("fc1", new Linear(c.DModel, c.EncoderFfnDim)),
            Add("fc2", new Linear(c.EncoderFfnDim, c.DModel)),
            Add("final_layer_norm", new LayerNorm(c.DModel, c.LayerNormEps)),
            c.ActivationFunction);
    }

    /// <summary>What follows the attention.</summary>
    public FeedForward FeedForward { get; }

    /// <summary>Maps [B, N, D] to the same.</summary>
    public Tensor Forward(Tensor vision, VisionContext context)
    {
        using var scope = NewDisposeScope();
        return FeedForward.Forward(Attend(vision, context)).MoveToOuterDisposeScope();
    }

    /// <summary>The first half: <c>norm(x + attention(x))</c>.</summary>
    public Tensor Attend(Tensor vision, VisionContext context)
    {
        using var scope = NewDisposeScope();
        var attended = _attention.Forward(vision + context.Positions, vision, context.Padding, context.References, context.Levels);
        return _attentionNorm.Forward(vision + attended).MoveToOuterDisposeScope();
    }
}
