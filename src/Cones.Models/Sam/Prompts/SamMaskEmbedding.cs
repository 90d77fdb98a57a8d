using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Prompts;

/// <summary>Convolutions that make a mask prompt an embedding for every token of the image (<c>SamMaskEmbedding</c>).</summary>
sealed class SamMaskEmbedding : Module
{
    readonly Conv2d _conv1;
    readonly LayerNorm _norm1;
    readonly Conv2d _conv2;
    readonly LayerNorm _norm2;
    readonly Conv2d _conv3;
    readonly Func<Tensor, Tensor> _activation;

    public SamMaskEmbedding(SamPromptEncoderConfig c)
    {
        _conv1 = Add("conv1", new Conv2d(1, c.MaskInputChannels / 4, 2, stride: 2));
        _norm1 = Add("layer_norm1", new LayerNorm(c.MaskInputChannels / 4, c.LayerNormEps));
        _conv2 = Add("conv2", new Conv2d(c.MaskInputChannels / 4, c.MaskInputChannels, 2, stride: 2));
        _norm2 = Add("layer_norm2", new LayerNorm(c.MaskInputChannels, c.LayerNormEps));
        _conv3 = Add("conv3", new Conv2d(c.MaskInputChannels, c.HiddenSize, 1));
        _activation = Activations.Named(c.HiddenAct);
    }

    /// <summary>Maps mask logits [B, 1, 4 h, 4 w] to [B, C, h, w].</summary>
    public Tensor Forward(Tensor masks)
    {
        using var scope = NewDisposeScope();
        var x = _activation(Normalize(_norm1, _conv1.Forward(masks)));
        x = _activation(Normalize(_norm2, _conv2.Forward(x)));
        return _conv3.Forward(x).MoveToOuterDisposeScope();
    }

    // Over the channels of [B, C, H, W].
    static Tensor Normalize(LayerNorm norm, Tensor x) => norm.Forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2);
}
