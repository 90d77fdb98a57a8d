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
    readonly FeedForward _feedForward;

    public DeformableLayer(GroundingDinoConfig c)
    {
        _attention = Add("self_attn", new MultiScaleDeformableAttention(c.DModel, c.EncoderAttentionHeads, c.NumFeatureLevels, c.EncoderPoints));
        _attentionNorm = Add("self_attn_layer_norm", new LayerNorm(c.DModel, c.LayerNormEps));
        _feedForward = new FeedForward(
            Add("fc1", new Linear(c.DModel, c.EncoderFfnDim)),
            Add("fc2", new Linear(c.EncoderFfnDim, c.DModel)),
            Add("final_layer_norm", new LayerNorm(c.DModel, c.LayerNormEps)),
            c.ActivationFunction);
    }

    /// <summary>Maps [B, N, D] to the same.</summary>
    public Tensor Forward(Tensor vision, VisionContext context)
    {
        using var scope = NewDisposeScope();
        var attended = _attention.Forward(vision + context.Positions, vision, context.Padding, context.References, context.Levels);
        return _feedForward.Forward(_attentionNorm.Forward(vision + attended)).MoveToOuterDisposeScope();
    }
}
