using Cones.Models.Layers;
using Cones.Models.Sam3.Detr;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3;

/// <summary>Says how well each query fits the prompt: a dot product with the prompt's mean token (<c>Sam3DotProductScoring</c>).</summary>
sealed class Sam3DotProductScoring : Module
{
    const double Limit = 12;

    readonly Sam3DecoderMlp _textMlp;
    readonly LayerNorm _textNorm;
    readonly Linear _textProj;
    readonly Linear _queryProj;
    readonly double _scale;

    public Sam3DotProductScoring(Sam3LayersConfig c)
    {
        _textMlp = Add("text_mlp", new Sam3DecoderMlp(c.HiddenSize, c.IntermediateSize, c.HiddenSize, 2));
        _textNorm = Add("text_mlp_out_norm", new LayerNorm(c.HiddenSize));
        _textProj = Add("text_proj", new Linear(c.HiddenSize, c.HiddenSize));
        _queryProj = Add("query_proj", new Linear(c.HiddenSize, c.HiddenSize));
        _scale = 1 / Math.Sqrt(c.HiddenSize);
    }

    /// <summary>Maps queries [L, B, Q, C] and a prompt [B, T, C] with its mask, bool [B, T] or null, to logits [L, B, Q] between -12 and 12.</summary>
    public Tensor Forward(Tensor queries, Tensor prompt, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        var text = _textProj.Forward(Mean(_textNorm.Forward(_textMlp.Forward(prompt) + prompt), mask)); // [B, C]
        // In bfloat16 many queries would score the same.
        var scores = SinglePrecision.Of(_queryProj.Forward(queries)).matmul(SinglePrecision.Of(text).unsqueeze(-1)).squeeze(-1); // [L, B, Q, C] x [B, C, 1] -> [L, B, Q]
        return (scores * _scale).clamp(-Limit, Limit).MoveToOuterDisposeScope();
    }

    static Tensor Mean(Tensor tokens, Tensor? mask)
    {
        if (mask is null) return tokens.mean([1]);
        var valid = mask.unsqueeze(-1).to(tokens.dtype); // [B, T, 1]
        return (tokens * valid).sum(1) / valid.sum(1).clamp_min(1);
    }
}
