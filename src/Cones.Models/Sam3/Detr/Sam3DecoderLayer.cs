using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Detr;

/// <summary>Self-attention, attention to the prompt, attention to the image, feed-forward, each with a norm after it (<c>Sam3DetrDecoderLayer</c>).</summary>
sealed class Sam3DecoderLayer : Module
{
    readonly Sam3Attention _self;
    readonly LayerNorm _selfNorm;
    readonly Sam3Attention _text;
    readonly LayerNorm _textNorm;
    readonly Sam3Attention _vision;
    readonly LayerNorm _visionNorm;
    readonly Sam3Mlp _mlp;
    readonly LayerNorm _mlpNorm;

    public Sam3DecoderLayer(Sam3LayersConfig c)
    {
        _self = Add("self_attn", new Sam3Attention(c.HiddenSize, c.NumAttentionHeads));
        _selfNorm = Add("self_attn_layer_norm", new LayerNorm(c.HiddenSize));
        _text = Add("text_cross_attn", new Sam3Attention(c.HiddenSize, c.NumAttentionHeads));
        _textNorm = Add("text_cross_attn_layer_norm", new LayerNorm(c.HiddenSize));
        _vision = Add("vision_cross_attn", new Sam3Attention(c.HiddenSize, c.NumAttentionHeads));
        _visionNorm = Add("vision_cross_attn_layer_norm", new LayerNorm(c.HiddenSize));
        _mlp = Add("mlp", new Sam3Mlp(c.HiddenSize, c.IntermediateSize, c.HiddenAct));
        _mlpNorm = Add("mlp_layer_norm", new LayerNorm(c.HiddenSize));
    }

    /// <summary>Maps the presence token and the queries, [B, 1 + Q, C].</summary>
    /// <param name="x">[B, 1 + Q, C].</param>
    /// <param name="places">Where the queries are, [B, 1 + Q, C]; 0 for the presence token.</param>
    /// <param name="prompt">[B, L, C] and its mask [B, 1, 1, L].</param>
    /// <param name="image">The image, [B, S, C], the same with its positions, and what boxes add to the attention, [B, heads, 1 + Q, S].</param>
    public Tensor Forward(Tensor x, Tensor places, (Tensor Tokens, Tensor? Mask) prompt, (Tensor Tokens, Tensor Placed, Tensor Bias) image)
    {
        using var scope = NewDisposeScope();
        var placed = x + places;
        x = _selfNorm.Forward(x + _self.Forward(placed, placed, x));
        x = _textNorm.Forward(x + _text.Forward(x + places, prompt.Tokens, prompt.Tokens, prompt.Mask));
        x = _visionNorm.Forward(x + _vision.Forward(x + places, image.Placed, image.Tokens, image.Bias));
        return _mlpNorm.Forward(x + _mlp.Forward(x)).MoveToOuterDisposeScope();
    }
}
