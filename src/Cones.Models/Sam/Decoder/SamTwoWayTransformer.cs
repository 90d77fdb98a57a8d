using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Decoder;

/// <summary>Lets tokens and image attend to each other (<c>SamTwoWayTransformer</c>; Kirillov et al. 2023, figure 14).</summary>
sealed class SamTwoWayTransformer : Module
{
    readonly ModuleList<SamTwoWayBlock> _layers;
    readonly SamAttention _finalAttention;
    readonly LayerNorm _finalNorm;

    public SamTwoWayTransformer(SamMaskDecoderConfig c)
    {
        _layers = Add("layers", new ModuleList<SamTwoWayBlock>(Enumerable.Range(0, c.NumHiddenLayers).Select(i => new SamTwoWayBlock(c, isFirst: i == 0))));
        _finalAttention = Add("final_attn_token_to_image", new SamAttention(c, c.AttentionDownsampleRate));
        _finalNorm = Add("layer_norm_final_attn", new LayerNorm(c.HiddenSize));
    }

    /// <summary>Maps tokens [B, P, T, C] and an image [B, 1, S, C] with its positions [1, 1, S, C] to tokens and an image for every prompt, [B, P, S, C].</summary>
    public (Tensor Tokens, Tensor Image) Forward(Tensor tokens, Tensor image, Tensor positions)
    {
        using var scope = NewDisposeScope();
        var queries = tokens;
        foreach (var layer in _layers) (queries, image) = layer.Forward(queries, image, tokens, positions);
        queries = queries + _finalAttention.Forward(queries + tokens, image + positions, image);
        return (_finalNorm.Forward(queries).MoveToOuterDisposeScope(), image.MoveToOuterDisposeScope());
    }
}

/// <summary>
/// Self-attention of the tokens, tokens to image, feed-forward, image to tokens, each with a norm after it (<c>SamTwoWayAttentionBlock</c>).
/// </summary>
sealed class SamTwoWayBlock : Module
{
    readonly SamAttention _self;
    readonly LayerNorm _norm1;
    readonly SamAttention _tokenToImage;
    readonly LayerNorm _norm2;
    readonly SamMlp _mlp;
    readonly LayerNorm _norm3;
    readonly LayerNorm _norm4;
    readonly SamAttention _imageToToken;
    readonly bool _isFirst;

    public SamTwoWayBlock(SamMaskDecoderConfig c, bool isFirst)
    {
        _self = Add("self_attn", new SamAttention(c, 1));
        _norm1 = Add("layer_norm1", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _tokenToImage = Add("cross_attn_token_to_image", new SamAttention(c, c.AttentionDownsampleRate));
        _norm2 = Add("layer_norm2", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _mlp = Add("mlp", new SamMlp(c.HiddenSize, c.MlpDim, c.HiddenAct));
        _norm3 = Add("layer_norm3", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _norm4 = Add("layer_norm4", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _imageToToken = Add("cross_attn_image_to_token", new SamAttention(c, c.AttentionDownsampleRate));
        _isFirst = isFirst;
    }

    /// <summary>Maps queries [B, P, T, C] and an image [B, P or 1, S, C]; the first tokens and the image's positions mark places.</summary>
    public (Tensor Queries, Tensor Image) Forward(Tensor queries, Tensor image, Tensor tokens, Tensor positions)
    {
        using var scope = NewDisposeScope();
        queries = _norm1.Forward(SelfAttention(queries, tokens));
        var places = image + positions;
        queries = _norm2.Forward(queries + _tokenToImage.Forward(queries + tokens, places, image));
        queries = _norm3.Forward(queries + _mlp.Forward(queries));
        image = _norm4.Forward(image + _imageToToken.Forward(places, queries + tokens, queries));
        return (queries.MoveToOuterDisposeScope(), image.MoveToOuterDisposeScope());
    }

    // In the first layer the queries are the tokens: attention takes their place.
    Tensor SelfAttention(Tensor queries, Tensor tokens)
    {
        if (_isFirst) return _self.Forward(queries, queries, queries);
        var places = queries + tokens;
        return queries + _self.Forward(places, places, queries);
    }
}
