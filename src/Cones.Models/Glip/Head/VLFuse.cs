using Cones.Models.Glip.Configuration;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>Image and text attend to each other (<c>VLFuse</c>, <c>BiMultiHeadAttention</c>; GLIP, arXiv 2112.03857, section 3.2).</summary>
/// <remarks>
/// <para>
/// Both directions share one matrix of scores. The text's softmax runs over all pixels of all levels and is not masked; the
/// image's runs over the valid tokens. The sums are added to the normed inputs, not to the inputs.
/// </para>
/// <para>
/// There are far more pixels N than tokens T. A pixel's query, value and output are linear in the pixel, so the three projections
/// of all pixels (3 N C E products) are never made: the text's keys and values are projected into the pixels' space C instead,
/// where scores, sums and outputs take 3 N C per head and token. With 20 tokens that is a tenth of the work, with 256 a little more than half.
/// </para>
/// </remarks>
public sealed class VLFuse : Module
{
    readonly LayerNorm _imageNorm;
    readonly LayerNorm _textNorm;
    readonly Weight _queryWeight;
    readonly Weight _queryBias;
    readonly Linear _key;
    readonly Weight _imageValueWeight;
    readonly Weight _imageValueBias;
    readonly Linear _textValue;
    readonly Weight _imageOutWeight;
    readonly Weight _imageOutBias;
    readonly Linear _textOut;
    readonly Weight _imageGamma;
    readonly Weight _textGamma;
    readonly int _heads;
    readonly double _clamp;
    readonly bool _stableSoftmax;

    internal VLFuse(GlipHeadConfig config, int textWidth)
    {
        var (image, width) = (config.Channels, config.FusionWidth);
        _imageNorm = Add("b_attn.layer_norm_v", new LayerNorm(image));
        _textNorm = Add("b_attn.layer_norm_l", new LayerNorm(textWidth));
        _queryWeight = AddWeight("b_attn.attn.v_proj.weight", width, image);
        _queryBias = AddWeight("b_attn.attn.v_proj.bias", width);
        _key = Add("b_attn.attn.l_proj", new Linear(textWidth, width));
        _imageValueWeight = AddWeight("b_attn.attn.values_v_proj.weight", width, image);
        _imageValueBias = AddWeight("b_attn.attn.values_v_proj.bias", width);
        _textValue = Add("b_attn.attn.values_l_proj", new Linear(textWidth, width));
        _imageOutWeight = AddWeight("b_attn.attn.out_v_proj.weight", image, width);
        _imageOutBias = AddWeight("b_attn.attn.out_v_proj.bias", image);
        _textOut = Add("b_attn.attn.out_l_proj", new Linear(width, textWidth));
        _imageGamma = AddWeight("b_attn.gamma_v", image);
        _textGamma = AddWeight("b_attn.gamma_l", textWidth);
        _heads = config.FusionHeads;
        _clamp = config.Clamp;
        _stableSoftmax = config.StableSoftmax;
    }

    /// <summary>Runs the layer.</summary>
    /// <param name="state">Image and text.</param>
    /// <param name="imageMask">From <see cref="ImageMask"/>.</param>
    public TowerState Forward(TowerState state, Tensor imageMask)
    {
        using var scope = NewDisposeScope();
        var image = _imageNorm.Forward(LevelTokens.Join(state.Levels)); // [B, N, C]
        var text = _textNorm.Forward(state.Hidden); // [B, T, L]
        var (batch, tokens) = (text.shape[0], text.shape[1]);

        var scores = Scores(image, SplitHeads(_key.Forward(text)), batch); // [B, hT, N]
        var toText = TextSide(image, scores, batch, tokens);
        var toImage = ImageSide(scores, imageMask, SplitHeads(_textValue.Forward(text)), batch, tokens); // [B, hT, N], [B, hT, C]

        var levels = LevelTokens.Split(BatchedProduct.Add(image, toImage.Attention.transpose(1, 2), toImage.Outputs), state.Levels);
        return new TowerState(levels, text + (_textGamma.Value * toText)).MoveToOuterDisposeScope();
    }

    /// <summary>What is added to the image's scores: 0 for a valid token, a number that leaves it no share for padding. [B, 1, T, 1].</summary>
    public static Tensor ImageMask(Tensor mask, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var padding = mask.eq(0).to(type).unsqueeze(1).unsqueeze(-1); // [B, T] -> [B, 1, T, 1]
        return (padding * (type == ScalarType.Float16 ? -65504 : -9e15)).MoveToOuterDisposeScope();
    }

    // q·k = (Wv + b)·k / √d = v·(Wᵀk) / √d + b·k / √d
    Tensor Scores(Tensor image, Tensor keys, long batch)
    {
        var scaled = keys / Math.Sqrt(keys.shape[2]); // [h, BT, d]
        var directions = JoinHeads(scaled.bmm(PerHead(_queryWeight.Value)), batch); // [h, BT, d] x [h, d, C] -> [B, hT, C]
        var offsets = JoinHeads(scaled.bmm(_queryBias.Value.view(_heads, -1, 1)), batch); // [B, hT, 1]
        var scores = BatchedProduct.Add(offsets, directions, image.transpose(1, 2)); // [B, hT, N]
        if (_stableSoftmax) scores = scores - scores.max();
        return scores.clamp(-_clamp, _clamp);
    }

    // The maximum that GLIP subtracts here changes no softmax. The shares sum to 1, so the values' bias is simply added.
    Tensor TextSide(Tensor image, Tensor scores, long batch, long tokens)
    {
        var gathered = scores.softmax(-1).bmm(image); // [B, hT, N] x [B, N, C] -> [B, hT, C]
        var perHead = gathered.view(batch, _heads, tokens, -1).transpose(0, 1).reshape(_heads, batch * tokens, -1); // [h, BT, C]
        var values = BatchedProduct.Add(_imageValueBias.Value.view(_heads, 1, -1), perHead, PerHead(_imageValueWeight.Value).transpose(1, 2)); // [h, BT, d]
        var merged = values.view(_heads, batch, tokens, -1).permute(1, 2, 0, 3).reshape(batch, tokens, -1); // [B, T, E]
        return _textOut.Forward(merged);
    }

    // Likewise each head's shares sum to 1: a head's part of the output's bias can be given to every token.
    (Tensor Attention, Tensor Outputs) ImageSide(Tensor scores, Tensor mask, Tensor values, long batch, long tokens)
    {
        var attention = (scores.view(batch, _heads, tokens, -1) + mask).softmax(2).view(scores.shape);
        var project = _imageOutWeight.Value.view(_imageOutWeight.Shape[0], _heads, -1).permute(1, 2, 0); // [C, E] -> [h, d, C]
        var outputs = (values.bmm(project) + (_imageOutBias.Value / _heads)) * _imageGamma.Value; // [h, BT, C]
        return (attention, JoinHeads(outputs, batch));
    }

    // [B, T, E] -> [h, BT, d]
    Tensor SplitHeads(Tensor x) => x.view(x.shape[0] * x.shape[1], _heads, -1).transpose(0, 1);

    // [h, BT, X] -> [B, hT, X]
    Tensor JoinHeads(Tensor x, long batch) =>
        x.view(_heads, batch, -1, x.shape[2]).transpose(0, 1).reshape(batch, -1, x.shape[2]);

    // [E, C] -> [h, d, C]
    Tensor PerHead(Tensor weight) => weight.view(_heads, -1, weight.shape[1]);
}
