using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.UNet;

/// <summary>Transformer blocks over the pixels of a feature map, as diffusers' <c>Transformer2DModel</c>.</summary>
public sealed class Transformer2DModel : Module
{
    readonly GroupNorm _norm;
    readonly PixelProjection _projectIn;
    readonly PixelProjection _projectOut;

    /// <summary>A transformer of <paramref name="layers"/> blocks.</summary>
    public Transformer2DModel(int channels, int heads, int layers, UNet2DConditionConfig config, bool onlyCrossAttention = false)
    {
        _norm = Add("norm", new GroupNorm(config.NormNumGroups, channels, 1e-6));
        _projectIn = Add("proj_in", new PixelProjection(channels, config.UseLinearProjection));
        Blocks = Add("transformer_blocks", new ModuleList<BasicTransformerBlock>(
            Enumerable.Range(0, layers).Select(_ => new BasicTransformerBlock(channels, heads, config.CrossAttentionDim, onlyCrossAttention))));
        _projectOut = Add("proj_out", new PixelProjection(channels, config.UseLinearProjection));
    }

    /// <summary>The blocks; each has one attention to the prompt.</summary>
    public ModuleList<BasicTransformerBlock> Blocks { get; }

    /// <summary>Maps [B, C, H, W] to the same shape, taking one prompt for each block from <paramref name="prompts"/>.</summary>
    public Tensor Forward(Tensor x, CrossAttentionStates.Reader prompts)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (x.shape[2], x.shape[3]);
        // [B, C, H, W] -> [B, HW, C]: a view where the memory is channels-last
        var tokens = _norm.Forward(x).permute(0, 2, 3, 1).reshape(x.shape[0], height * width, x.shape[1]);
        tokens = _projectIn.Forward(tokens);
        foreach (var block in Blocks) tokens = block.Forward(tokens, prompts.Next());
        tokens = _projectOut.Forward(tokens);
        var map = tokens.view(x.shape[0], height, width, x.shape[1]).permute(0, 3, 1, 2); // [B, HW, C] -> [B, C, H, W]
        return (map + x).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// The projection before and after the blocks: a linear layer (SD 2.x, SDXL) or a 1 x 1 convolution (SD 1.x), which is the
/// same product on tokens.
/// </summary>
public sealed class PixelProjection : Module
{
    readonly Weight _weight;
    readonly Weight _bias;
    readonly int _channels;

    /// <summary>A projection; the weight is [C, C] or [C, C, 1, 1].</summary>
    public PixelProjection(int channels, bool linear)
    {
        _weight = linear ? AddWeight("weight", channels, channels) : AddWeight("weight", channels, channels, 1, 1);
        _bias = AddWeight("bias", channels);
        _channels = channels;
    }

    /// <summary>Maps tokens [B, N, C] to the same shape.</summary>
    public Tensor Forward(Tensor tokens)
    {
        var weight = _weight.Value.view(_channels, _channels);
        return Linear.Product(tokens, weight, _bias.Value);
    }
}
