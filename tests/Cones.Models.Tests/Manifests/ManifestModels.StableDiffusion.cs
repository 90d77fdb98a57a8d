using Cones.Models.StableDiffusion.TinyVae;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;

namespace Cones.Models.Tests.Manifests;

static partial class ManifestModels
{
    static IReadOnlyList<ManifestModel> StableDiffusion =>
    [
        new("generation/sd15-unet", () => new UNet2DConditionModel(new UNet2DConditionConfig { CrossAttentionDim = 768 }), 859_520_964),
        new("generation/sd21-unet", () => new UNet2DConditionModel(Sd21), 865_910_724),
        new("generation/sdxl-base-unet", () => new UNet2DConditionModel(Sdxl), 2_567_463_684),
        new("generation/sd-vae-new-keys", () => new AutoencoderKL(Vae), 83_653_863, AutoencoderKL.RenameLegacyAttention),
        new("generation/sd15-vae-legacy-keys", () => new AutoencoderKL(Vae), 83_653_863, AutoencoderKL.RenameLegacyAttention),
        new("generation/sdxl-vae", () => new AutoencoderKL(Vae with { ScalingFactor = 0.13025 }), 83_653_863, AutoencoderKL.RenameLegacyAttention),
        new("generation/taesd", () => new AutoencoderTiny(new AutoencoderTinyConfig()), 2_445_063),
    ];

    static UNet2DConditionConfig Sd21 => new() { CrossAttentionDim = 1024, AttentionHeads = [5, 10, 20, 20], UseLinearProjection = true };

    static UNet2DConditionConfig Sdxl => new()
    {
        BlockOutChannels = [320, 640, 1280],
        DownCrossAttention = [false, true, true],
        UpCrossAttention = [true, true, false],
        LayersPerBlock = [2, 2, 2],
        CrossAttentionDim = 2048,
        AttentionHeads = [5, 10, 20],
        TransformerLayersPerBlock = [[1], [2], [10]],
        UpTransformerLayersPerBlock = [[10], [2], [1]],
        UseLinearProjection = true,
        AdditionTimeEmbedDim = 256,
        ProjectionClassEmbeddingsInputDim = 2816,
    };

    static AutoencoderKLConfig Vae => new() { BlockOutChannels = [128, 256, 512, 512], LayersPerBlock = 2 };
}
