using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Decoder;

/// <summary>Turns image embedding and prompt embeddings into masks (<c>SamMaskDecoder</c>; Kirillov et al. 2023, appendix A).</summary>
sealed class SamMaskDecoder : Module
{
    readonly Embedding _iouToken;
    readonly Embedding _maskTokens;
    readonly SamTwoWayTransformer _transformer;
    readonly ConvTranspose2d _upscale1;
    readonly ConvTranspose2d _upscale2;
    readonly LayerNorm _upscaleNorm;
    readonly ModuleList<SamFeedForward> _hypernetworks;
    readonly SamFeedForward _iouHead;

    public SamMaskDecoder(SamMaskDecoderConfig c)
    {
        var masks = c.NumMultimaskOutputs + 1;
        _iouToken = Add("iou_token", new Embedding(1, c.HiddenSize));
        _maskTokens = Add("mask_tokens", new Embedding(masks, c.HiddenSize));
        _transformer = Add("transformer", new SamTwoWayTransformer(c));
        _upscale1 = Add("upscale_conv1", new ConvTranspose2d(c.HiddenSize, c.HiddenSize / 4, 2));
        _upscale2 = Add("upscale_conv2", new ConvTranspose2d(c.HiddenSize / 4, c.HiddenSize / 8, 2));
        _upscaleNorm = Add("upscale_layer_norm", new LayerNorm(c.HiddenSize / 4, 1e-6));
        _hypernetworks = Add("output_hypernetworks_mlps", new ModuleList<SamFeedForward>(
            Enumerable.Range(0, masks).Select(_ => new SamFeedForward(c.HiddenSize, c.HiddenSize, c.HiddenSize / 8, 3))));
        _iouHead = Add("iou_prediction_head", new SamFeedForward(c.HiddenSize, c.IouHeadHiddenDim, masks, c.IouHeadDepth));
    }

    /// <summary>The type of the weights.</summary>
    public ScalarType DType => _iouToken.Table.dtype;

    /// <summary>The device of the weights.</summary>
    public Device Device => _iouToken.Table.device;

    /// <summary>The masks of every prompt.</summary>
    /// <param name="image">The image embedding with the dense prompt, [B, C, h, w].</param>
    /// <param name="positions">The encoding of the image's places, [1, C, h, w].</param>
    /// <param name="prompts">[B, P, N, C].</param>
    /// <param name="multimask">Whether to return the masks of an ambiguous prompt instead of the single one.</param>
    public SamOutput Forward(Tensor image, Tensor positions, Tensor prompts, bool multimask)
    {
        using var scope = NewDisposeScope();
        var (batch, count) = (prompts.shape[0], prompts.shape[1]);
        var outputs = cat([_iouToken.Table, _maskTokens.Table]); // [1 + masks, C]
        var tokens = cat([outputs.expand(batch, count, -1, -1), prompts], dim: 2); // [B, P, 1 + masks + N, C]
        var (queries, pixels) = _transformer.Forward(tokens, Tokens(image), Tokens(positions));

        // [B, P, h w, C] -> [B P, C, h, w]; all prompts share a pixel's row where no prompt has changed it.
        var map = pixels.reshape(batch * count, image.shape[2], image.shape[3], -1).permute(0, 3, 1, 2);
        var (first, masks) = multimask ? (1, _hypernetworks.Count - 1) : (0, 1);
        var kernels = stack(
            Enumerable.Range(first, masks).Select(i => _hypernetworks[i].Forward(queries.select(2, 1 + i))), dim: 2).flatten(0, 1); // [B P, M, C / 8]
        var upscaled = Upscale(map); // [B P, C / 8, 4 h, 4 w]
        var logits = kernels.matmul(upscaled.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)) // [B P, M, 16 h w]
            .view(batch, count, masks, upscaled.shape[2], upscaled.shape[3]);
        var scores = _iouHead.Forward(queries.select(2, 0)).narrow(2, first, masks); // [B, P, M]
        return new SamOutput(logits.MoveToOuterDisposeScope(), scores.MoveToOuterDisposeScope());
    }

    // [B P, C, h, w] -> [B P, C / 8, 4 h, 4 w]
    Tensor Upscale(Tensor map)
    {
        using var scope = NewDisposeScope();
        var normed = _upscaleNorm.Forward(_upscale1.Forward(map).permute(0, 2, 3, 1)).permute(0, 3, 1, 2); // over C / 4 channels
        return nn.functional.gelu(_upscale2.Forward(nn.functional.gelu(normed))).MoveToOuterDisposeScope();
    }

    // [B, C, h, w] -> [B, 1, h w, C]
    static Tensor Tokens(Tensor map) => map.flatten(2).transpose(1, 2).unsqueeze(1);
}
