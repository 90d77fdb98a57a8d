using Cones.Models.Clip;
using Cones.Models.StableDiffusion.UNet;

namespace Cones.Bench.Generation;

/// <summary>The published configurations, for random weights of real shape.</summary>
static class StableDiffusionShapes
{
    /// <summary>Stable Diffusion 1.5's UNet, 859,520,964 parameters.</summary>
    public static UNet2DConditionConfig SD15 { get; } = new() { CrossAttentionDim = 768 };

    /// <summary>Stable Diffusion 1.5's text encoder (CLIP ViT-L/14), 123,060,480 parameters.</summary>
    public static ClipTextConfig SD15Text { get; } = new()
    {
        HiddenSize = 768,
        IntermediateSize = 3072,
        NumHiddenLayers = 12,
        NumAttentionHeads = 12,
        EosTokenId = 2,
    };
}
