using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Detr;

/// <summary>
/// Self-attention, attention to something else, feed-forward, each with a norm before it: a layer of the DETR encoder
/// (<c>Sam3DetrEncoderLayer</c>) and of the geometry encoder (<c>Sam3GeometryEncoderLayer</c>).
/// </summary>
sealed class Sam3EncoderLayer : Module
{
    readonly LayerNorm _norm1;
    readonly Sam3Attention _self;
    readonly LayerNorm _norm2;
    readonly Sam3Attention _cross;
    readonly LayerNorm _norm3;
    readonly Sam3Mlp _mlp;

    public Sam3EncoderLayer(Sam3LayersConfig c)
    {
        _norm1 = Add("layer_norm1", new LayerNorm(c.HiddenSize));
        _self = Add("self_attn", new Sam3Attention(c.HiddenSize, c.NumAttentionHeads));
        _norm2 = Add("layer_norm2", new LayerNorm(c.HiddenSize));
        _cross = Add("cross_attn", new Sam3Attention(c.HiddenSize, c.NumAttentionHeads));
        _norm3 = Add("layer_norm3", new LayerNorm(c.HiddenSize));
        _mlp = Add("mlp", new Sam3Mlp(c.HiddenSize, c.IntermediateSize, c.HiddenAct));
    }

    /// <summary>An image [B, S, C] with its positions looks at itself, then at a prompt [B, L, C].</summary>
    public Tensor FuseImage(Tensor image, Tensor positions, Tensor prompt, Tensor? promptMask)
    {
        using var scope = NewDisposeScope();
        var normed = _norm1.Forward(image);
        var placed = normed + positions;
        image = image + _self.Forward(placed, placed, normed);
        image = image + _cross.Forward(_norm2.Forward(image), prompt, prompt, promptMask);
        return (image + _mlp.Forward(_norm3.Forward(image))).MoveToOuterDisposeScope();
    }

    /// <summary>Prompts [B, N, C] look at each other, then at an image [B, S, C] with its positions.</summary>
    public Tensor FusePrompt(Tensor prompt, Tensor promptMask, Tensor image, Tensor positions)
    {
        using var scope = NewDisposeScope();
        var normed = _norm1.Forward(prompt);
        prompt = prompt + _self.Forward(normed, normed, normed, promptMask);
        prompt = prompt + _cross.Forward(_norm2.Forward(prompt), image + positions, image);
        return (prompt + _mlp.Forward(_norm3.Forward(prompt))).MoveToOuterDisposeScope();
    }
}
