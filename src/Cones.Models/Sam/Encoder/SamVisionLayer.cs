using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Encoder;

/// <summary>One layer: <c>x + attention(norm(x))</c>, then <c>x + mlp(norm(x))</c> (<c>SamVisionLayer</c>).</summary>
sealed class SamVisionLayer : Module
{
    readonly LayerNorm _norm1;
    readonly SamVisionAttention _attention;
    readonly LayerNorm _norm2;
    readonly SamMlp _mlp;

    public SamVisionLayer(SamVisionConfig c, int index)
    {
        _norm1 = Add("layer_norm1", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _attention = Add("attn", new SamVisionAttention(c, c.WindowOf(index)));
        _norm2 = Add("layer_norm2", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _mlp = Add("mlp", new SamMlp(c.HiddenSize, c.MlpDim, c.HiddenAct));
    }

    /// <summary>Maps [B, H, W, C] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x + _attention.Forward(_norm1.Forward(x));
        x = x + _mlp.Forward(_norm2.Forward(x));
        return x.MoveToOuterDisposeScope();
    }
}
