using Cones.Models.Layers;
using Cones.Models.Sam3.Detr;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Masks;

/// <summary>Makes a mask of every query, and one of everything that fits the prompt (<c>Sam3MaskDecoder</c>).</summary>
sealed class Sam3MaskDecoder : Module
{
    readonly Sam3PixelDecoder _pixels;
    readonly Linear[] _embedder;
    readonly Weight _instanceKernel;
    readonly Weight _instanceBias;
    readonly Conv2d _semantic;
    readonly Sam3Attention _promptAttention;
    readonly LayerNorm _promptNorm;

    public Sam3MaskDecoder(int dim, int heads, int stages)
    {
        _pixels = Add("pixel_decoder", new Sam3PixelDecoder(dim, stages));
        _embedder = [.. Enumerable.Range(0, 3).Select(i => Add($"mask_embedder.layers.{i}", new Linear(dim, dim)))];
        _instanceKernel = AddWeight("instance_projection.weight", dim, dim, 1, 1);
        _instanceBias = AddWeight("instance_projection.bias", dim);
        _semantic = Add("semantic_projection", new Conv2d(dim, 1, 1));
        _promptAttention = Add("prompt_cross_attn", new Sam3Attention(dim, heads));
        _promptNorm = Add("prompt_cross_attn_norm", new LayerNorm(dim));
    }

    /// <summary>The masks.</summary>
    /// <param name="queries">[B, Q, C].</param>
    /// <param name="levels">The image's maps from fine to coarse, [B, C, H, W].</param>
    /// <param name="encoded">The coarsest map after fusion with the prompt, which takes its place, [B, H W, C].</param>
    /// <param name="prompt">[B, L, C] and its mask [B, 1, 1, L].</param>
    /// <returns>Mask logits [B, Q, H, W] and semantic logits [B, 1, H, W] of the finest size.</returns>
    public (Tensor Masks, Tensor Semantic) Forward(Tensor queries, IReadOnlyList<Tensor> levels, Tensor encoded, (Tensor Tokens, Tensor? Mask) prompt)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (levels[^1].shape[2], levels[^1].shape[3]);
        encoded = encoded + _promptAttention.Forward(_promptNorm.Forward(encoded), prompt.Tokens, prompt.Tokens, prompt.Mask);
        var coarsest = encoded.view(encoded.shape[0], height, width, -1).permute(0, 3, 1, 2); // [B, H W, C] -> [B, C, H, W]
        var pixels = _pixels.Forward([.. levels.SkipLast(1), coarsest]); // [B, C, H, W]
        return (Instances(queries, pixels).MoveToOuterDisposeScope(), _semantic.Forward(pixels).MoveToOuterDisposeScope());
    }

    // The kernel goes to the few queries instead of the many pixels: q · (K p + b) = (q K) · p + q · b.
    Tensor Instances(Tensor queries, Tensor pixels)
    {
        foreach (var layer in _embedder.SkipLast(1)) queries = nn.functional.relu(layer.Forward(queries));
        queries = _embedder[^1].Forward(queries); // [B, Q, C]
        var kernels = queries.matmul(_instanceKernel.Value.flatten(1)); // [B, Q, C] x [C, C] -> [B, Q, C]
        var shifts = queries.matmul(_instanceBias.Value.unsqueeze(-1)); // [B, Q, 1]
        var masks = kernels.matmul(pixels.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)) + shifts; // [B, Q, H W]
        return masks.view(masks.shape[0], masks.shape[1], pixels.shape[2], pixels.shape[3]);
    }
}
