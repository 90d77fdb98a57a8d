using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>Image and text attend to each other (<c>GroundingDinoFusionLayer</c>): <c>norm(x) + scale · attention</c>.</summary>
sealed class FusionLayer : Module
{
    readonly LayerNorm _visionNorm;
    readonly LayerNorm _textNorm;
    readonly BiDirectionalAttention _attention;
    readonly Weight _visionScale;
    readonly Weight _textScale;

    public FusionLayer(GroundingDinoConfig c)
    {
        _visionNorm = Add("layer_norm_vision", new LayerNorm(c.DModel, c.LayerNormEps));
        _textNorm = Add("layer_norm_text", new LayerNorm(c.DModel, c.LayerNormEps));
        _attention = Add("attn", new BiDirectionalAttention(c.DModel, c.EncoderFfnDim / 2, c.EncoderAttentionHeads / 2));
        _visionScale = AddWeight("vision_param", c.DModel);
        _textScale = AddWeight("text_param", c.DModel);
    }

    /// <summary>Fuses.</summary>
    /// <param name="vision">[B, N, D].</param>
    /// <param name="text">[B, T, D].</param>
    /// <param name="visionPadding">[B, N], bool: true where no text may look; null for none.</param>
    /// <param name="textPadding">[B, T], bool: true where no pixel may look; null for none.</param>
    /// <returns>Both, [B, N, D] and [B, T, D].</returns>
    public (Tensor Vision, Tensor Text) Forward(Tensor vision, Tensor text, Tensor? visionPadding, Tensor? textPadding)
    {
        using var scope = NewDisposeScope();
        var (fusedVision, fusedText) = _attention.Forward(
            _visionNorm.Forward(vision), _textNorm.Forward(text), visionPadding, textPadding, _visionScale.Value, _textScale.Value);
        return (fusedVision.MoveToOuterDisposeScope(), fusedText.MoveToOuterDisposeScope());
    }
}
