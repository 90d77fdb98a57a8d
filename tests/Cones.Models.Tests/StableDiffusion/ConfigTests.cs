using Cones.Models.StableDiffusion.TinyVae;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;

namespace Cones.Models.Tests.StableDiffusion;

public sealed class ConfigTests : IDisposable
{
    readonly string _file = Path.Combine(Path.GetTempPath(), $"cones-config-{Guid.NewGuid():N}.json");

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("class_embed_type", "\"odd\"")]
    [InlineData("encoder_hid_dim_type", "\"image_proj\"")]
    [InlineData("resnet_time_scale_shift", "\"spatial\"")]
    [InlineData("dual_cross_attention", "true")]
    [InlineData("attention_type", "\"gated\"")]
    [InlineData("addition_embed_type", "\"image\"")]
    [InlineData("num_attention_heads", "8")]
    [InlineData("cross_attention_dim", "[32,32,64,64]")]
    [InlineData("only_cross_attention", "[true]")]
    [InlineData("transformer_layers_per_block", "[1,\"two\",1,1]")]
    [InlineData("down_block_types", "[\"AttnDownBlock2D\"]")]
    [InlineData("mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"")]
    public void An_option_of_the_UNet_that_is_not_implemented_is_named_in_the_refusal(string option, string value)
    {
        File.WriteAllText(_file, $$"""{ "{{option}}": {{value}} }""");
        var error = Assert.Throws<ConesException>(() => UNet2DConditionConfig.FromFile(_file));
        Assert.Contains(option, error.Message, StringComparison.Ordinal);
        Assert.Contains(_file, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Absent_options_of_the_UNet_have_the_defaults_of_diffusers()
    {
        File.WriteAllText(_file, "{}");
        var config = UNet2DConditionConfig.FromFile(_file);
        Assert.Equal([320, 640, 1280, 1280], config.BlockOutChannels);
        Assert.Equal([8, 8, 8, 8], config.AttentionHeads);
        Assert.Equal([2, 2, 2, 2], config.LayersPerBlock);
        Assert.Equal(1280, config.CrossAttentionDim);
        Assert.Equal(MidBlockKind.CrossAttention, config.MidBlock);
        Assert.False(config.HasTextTime);
    }

    [Fact]
    public void Levels_may_differ_in_layers_heads_and_depth()
    {
        File.WriteAllText(_file, """
            {
              "block_out_channels": [32, 64], "layers_per_block": [1, 3], "attention_head_dim": [2, 4], "transformer_layers_per_block": [1, 5],
              "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "mid_block_type": null
            }
            """);
        var config = UNet2DConditionConfig.FromFile(_file);
        Assert.Equal([1, 3], config.LayersPerBlock);
        Assert.Equal([2, 4], config.AttentionHeads);
        Assert.Equal((5, 1), (config.UpTransformerDepth(0, 2), config.UpTransformerDepth(1, 0)));
        Assert.Equal([false, true], config.DownCrossAttention);
        Assert.Equal(MidBlockKind.None, config.MidBlock);
    }

    [Fact]
    public void The_transformers_of_a_level_may_differ_in_depth()
    {
        // The shape of distilled Stable Diffusion XL models.
        File.WriteAllText(_file, """
            {
              "block_out_channels": [32, 64], "layers_per_block": 2, "attention_head_dim": 2, "norm_num_groups": 4,
              "transformer_layers_per_block": [1, [2, 3]], "reverse_transformer_layers_per_block": [[4, 5, 6], 1],
              "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "mid_block_type": null
            }
            """);
        using var unet = new UNet2DConditionModel(UNet2DConditionConfig.FromFile(_file));

        Assert.Equal(2 + 3 + 4 + 5 + 6, unet.CrossAttentionLayers.Count);
        Assert.Equal(3, unet.CrossAttentionLayers.Count(l => l.StartsWith("down_blocks.1.attentions.1.", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_size_may_be_a_pair_and_options_of_other_blocks_do_not_matter()
    {
        File.WriteAllText(_file, """{ "sample_size": [96, 64], "resnet_out_scale_factor": 2, "cross_attention_norm": "group_norm", "time_cond_proj_dim": 256 }""");
        Assert.Equal(96, UNet2DConditionConfig.FromFile(_file).SampleSize);
    }

    [Fact]
    public void Numbers_that_do_not_fit_together_are_named()
    {
        var config = SmallModels.UNetConfig;
        AssertRefused("norm_num_groups = 3", () => new UNet2DConditionModel(config with { NormNumGroups = 3 }));
        AssertRefused("3 attention heads", () => new UNet2DConditionModel(config with { AttentionHeads = [3, 2] }));
        AssertRefused("layers_per_block has 3", () => new UNet2DConditionModel(config with { LayersPerBlock = [1, 1, 1] }));
        AssertRefused("transformer_layers_per_block[0] has 3", () => new UNet2DConditionModel(config with { TransformerLayersPerBlock = [[1, 1, 1], [1]] }));
        AssertRefused("latents_mean has 1", () => new AutoencoderKL(new AutoencoderKLConfig { LatentsMean = [0], LatentsStd = [1, 1, 1, 1] }));
        AssertRefused("latents_std", () => new AutoencoderKL(new AutoencoderKLConfig { LatentsMean = [0, 0, 0, 0] }));
        AssertRefused("norm_num_groups = 32", () => new AutoencoderKL(new AutoencoderKLConfig { BlockOutChannels = [48] }));
        AssertRefused("num_encoder_blocks", () => new AutoencoderTiny(new AutoencoderTinyConfig { NumEncoderBlocks = [1] }));
    }

    [Fact]
    public void An_option_of_the_autoencoder_that_is_not_implemented_is_named_in_the_refusal()
    {
        File.WriteAllText(_file, """{ "down_block_types": ["DownBlock2D"] }""");
        Assert.Contains("down_block_types", Assert.Throws<ConesException>(() => AutoencoderKLConfig.FromFile(_file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tiny_autoencoder_with_another_upsampling_is_read_or_refused()
    {
        File.WriteAllText(_file, """{ "upsample_fn": "bilinear" }""");
        Assert.Equal(TorchSharp.torch.InterpolationMode.Bilinear, AutoencoderTinyConfig.FromFile(_file).Upsampling);
        File.WriteAllText(_file, """{ "upsample_fn": "odd" }""");
        Assert.Contains("upsample_fn", Assert.Throws<ConesException>(() => AutoencoderTinyConfig.FromFile(_file)).Message, StringComparison.Ordinal);
    }

    static void AssertRefused(string part, Func<object> build) => Assert.Contains(part, Assert.Throws<ArgumentException>(build).Message, StringComparison.Ordinal);
}
