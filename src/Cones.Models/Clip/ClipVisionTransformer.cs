using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>The part of the vision tower under the keys <c>vision_model.</c> (<c>CLIPVisionTransformer</c>).</summary>
sealed class ClipVisionTransformer : Module
{
    readonly ClipVisionEmbeddings _embeddings;
    readonly LayerNorm _preNorm;
    readonly ClipEncoder _encoder;
    readonly LayerNorm _postNorm;

    public ClipVisionTransformer(ClipVisionConfig c)
    {
        _embeddings = Add("embeddings", new ClipVisionEmbeddings(c));
        _preNorm = Add("pre_layrnorm", new LayerNorm(c.HiddenSize, c.LayerNormEps)); // spelt so in every checkpoint
        _encoder = Add("encoder", new ClipEncoder(
            c.NumHiddenLayers, c.HiddenSize, c.IntermediateSize, c.NumAttentionHeads, c.LayerNormEps, c.HiddenAct));
        _postNorm = Add("post_layernorm", new LayerNorm(c.HiddenSize, c.LayerNormEps));
    }

    /// <summary>Maps pixels [B, C, H, W] to all hidden states [B, 1 + N, D] and the normed class slot [B, D].</summary>
    public (IReadOnlyList<Tensor> HiddenStates, Tensor Pooled) Forward(Tensor pixels)
    {
        var states = _encoder.Forward(_preNorm.Forward(_embeddings.Forward(pixels)));
        return (states, _postNorm.Forward(states[^1].select(1, 0)));
    }
}

/// <summary>Cuts an image into patches and adds the class slot and positions (<c>CLIPVisionEmbeddings</c>).</summary>
sealed class ClipVisionEmbeddings : Module
{
    readonly Weight _classSlot;
    readonly Conv2d _patches;
    readonly Embedding _positions;

    public ClipVisionEmbeddings(ClipVisionConfig c)
    {
        _classSlot = AddWeight("class_embedding", c.HiddenSize);
        _patches = Add("patch_embedding", new Conv2d(c.NumChannels, c.HiddenSize, c.PatchSize, stride: c.PatchSize, bias: false));
        _positions = Add("position_embedding", new Embedding(1 + c.PatchCount, c.HiddenSize));
    }

    public Tensor Forward(Tensor pixels)
    {
        var patches = _patches.Forward(pixels.to(_classSlot.Value.dtype)).flatten(2).transpose(1, 2); // [B, N, D]
        var classes = _classSlot.Value.expand(patches.shape[0], 1, -1); // [B, 1, D]
        return cat([classes, patches], dim: 1) + _positions.Table; // [B, 1 + N, D]
    }
}
