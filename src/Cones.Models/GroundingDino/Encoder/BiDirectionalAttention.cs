using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>
/// Cross-attention in both directions from one matrix of scores (<c>GroundingDinoBiMultiHeadAttention</c>), with the scaled
/// residual sum that follows it.
/// </summary>
/// <remarks>
/// An image has many thousand positions, a text some tokens. So every projection of the image is moved to the text's side
/// of its product: (V Wq) Kᵀ = V (Wq Kᵀ), P (V Wv) = (P V) Wv, (Pᵀ T) Wo = Pᵀ (T Wo). The result is the same, and all that is
/// computed or kept of the image's size are two products with heads x tokens columns instead of three with
/// <c>encoder_ffn_dim / 2</c>.
/// </remarks>
sealed class BiDirectionalAttention : Module
{
    // As the original: small enough for half precision.
    const double Limit = 50000;

    readonly Linear _visionQuery;
    readonly Linear _textKey;
    readonly Linear _visionValue;
    readonly Linear _textValue;
    readonly Linear _visionOut;
    readonly Linear _textOut;
    readonly long _heads;
    readonly long _headDim;

    /// <summary>Attention of features of <paramref name="dim"/> in a space of <paramref name="embedDim"/>.</summary>
    public BiDirectionalAttention(int dim, int embedDim, int heads)
    {
        _visionQuery = Add("vision_proj", new Linear(dim, embedDim));
        _textKey = Add("text_proj", new Linear(dim, embedDim));
        _visionValue = Add("values_vision_proj", new Linear(dim, embedDim));
        _textValue = Add("values_text_proj", new Linear(dim, embedDim));
        _visionOut = Add("out_vision_proj", new Linear(embedDim, dim));
        _textOut = Add("out_text_proj", new Linear(embedDim, dim));
        _heads = heads;
        _headDim = embedDim / heads;
    }

    /// <summary>Attends and adds.</summary>
    /// <param name="vision">V: [B, N, D], normed.</param>
    /// <param name="text">[B, T, D], normed.</param>
    /// <param name="visionPadding">[B, N], bool: true where no text may look; null for none.</param>
    /// <param name="textPadding">[B, T], bool: true where no pixel may look; null for none.</param>
    /// <param name="visionScale">[D].</param>
    /// <param name="textScale">[D].</param>
    /// <returns>V + scale · attention to the text, [B, N, D]; text + scale · attention to the image, [B, T, D].</returns>
    public (Tensor Vision, Tensor Text) Forward(
        Tensor vision, Tensor text, Tensor? visionPadding, Tensor? textPadding, Tensor visionScale, Tensor textScale)
    {
        using var scope = NewDisposeScope();
        var (batch, tokens) = (text.shape[0], text.shape[1]);
        var scores = Scores(vision, text); // [B, heads T, N]

        var toText = scores - scores.amax([-1], keepdim: true);
        toText = toText.clamp(-Limit, Limit);
        if (visionPadding is not null) toText = toText.masked_fill(visionPadding.unsqueeze(1), double.NegativeInfinity);
        var seen = toText.softmax(-1).bmm(vision); // [B, heads T, D]: what each head and token sees of V
        var values = _visionValue.Matrix.view(_heads, _headDim, -1); // [heads, e, D]
        var mixed = seen.view(batch, _heads, tokens, -1).matmul(values.transpose(1, 2)); // [B, heads, T, e]
        // The weights of a token sum to 1, so the bias of the values is added once.
        var joined = mixed.transpose(1, 2).reshape(batch, tokens, -1) + _visionValue.Bias!; // [B, T, heads e]
        var fusedText = addcmul(text, textScale, _textOut.Forward(joined), 1);

        var toVision = scores.view(batch, _heads, tokens, -1); // [B, heads, T, N]
        if (textPadding is not null) toVision = toVision.masked_fill(textPadding.view(batch, 1, tokens, 1), double.NegativeInfinity);
        var weights = toVision.softmax(2).view(batch, _heads * tokens, -1); // [B, heads T, N]
        var fusedVision = weights.transpose(1, 2).bmm(TextValues(text, visionScale)).add_(vision); // [B, N, D]
        return (fusedVision.MoveToOuterDisposeScope(), fusedText.MoveToOuterDisposeScope());
    }

    // The scores of all heads, less the highest of all, [B, heads T, N].
    Tensor Scores(Tensor vision, Tensor text)
    {
        var (batch, tokens) = (text.shape[0], text.shape[1]);
        var keys = SplitHeads(_textKey.Forward(text)) * (1 / Math.Sqrt(_headDim)); // [B, heads, T, e]
        var queries = _visionQuery.Matrix.view(_heads, _headDim, -1); // [heads, e, D]
        var folded = keys.matmul(queries).view(batch, _heads * tokens, -1); // [B, heads, T, D] -> [B, heads T, D]
        var bias = keys.matmul(_visionQuery.Bias!.view(_heads, _headDim, 1)).view(batch, _heads * tokens, 1); // [B, heads, T, 1] -> [B, heads T, 1]
        var scores = folded.bmm(vision.transpose(1, 2)).add_(bias);
        return (scores - scores.max()).clamp(-Limit, Limit);
    }

    // The text's values after the output projection and the scale, [B, heads T, D].
    Tensor TextValues(Tensor text, Tensor scale)
    {
        var (batch, tokens) = (text.shape[0], text.shape[1]);
        var values = SplitHeads(_textValue.Forward(text)); // [B, heads, T, e]
        var output = _visionOut.Matrix.t().view(_heads, _headDim, -1) * scale; // [heads, e, D]
        var projected = values.matmul(output); // [B, heads, T, D]
        // The weights of a pixel sum to 1 in every head: each head brings its share of the bias.
        return (projected + (_visionOut.Bias! * scale / _heads)).view(batch, _heads * tokens, -1);
    }

    // [B, T, heads e] -> [B, heads, T, e]
    Tensor SplitHeads(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, _headDim).transpose(1, 2);
}
