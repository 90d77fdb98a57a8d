using Cones.Models.StableDiffusion.TinyVae;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;

namespace Cones.Models.Tests.StableDiffusion;

public sealed class ConfigTests : IDisposable
{
    readonly string _file = Path.Combine(Path.GetTempPath(), $"cones-config-{Guid.NewGuid():N}.json");

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("class_embed_type", "\"timestep\"")]
    [InlineData("encoder_hid_dim", "32")]
    [InlineData("time_cond_proj_dim", "256")]
    [InlineData("resnet_time_scale_shift", "\"scale_shift\"")]
    [InlineData("dual_cross_attention", "true")]
    [InlineData("addition_embed_type", "\"image\"")]
    [InlineData("only_cross_attention", "true")]
    [InlineData("down_block_types", "[\"AttnDownBlock2D\"]")]
    [InlineData("mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"")]
    public void An_option_of_the_UNet_that_is_not_implemented_is_named_in_the_refusal(string option, string value)
    {
        File.WriteAllText(_file, $$"""{ "{{option}}": {{value}} }""");
        var error = Assert.Throws<ConesException>(() => UNet2DConditionConfig.FromFile(_file));
        Assert.Contains(option, error.Message, StringComparison.Ordinal);
        Assert.Contains(value.Trim('"', '[', ']'), error.Message, StringComparison.Ordinal);
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
        Assert.Equal([5, 1], config.UpTransformerLayersPerBlock);
        Assert.Equal([false, true], config.DownCrossAttention);
        Assert.Equal(MidBlockKind.None, config.MidBlock);
    }

    [Fact]
    public void Numbers_that_do_not_fit_together_are_named()
    {
        var config = SmallModels.UNetConfig;
        AssertRefused("norm_num_groups = 3", () => new UNet2DConditionModel(config with { NormNumGroups = 3 }));
        AssertRefused("3 attention heads", () => new UNet2DConditionModel(config with { AttentionHeads = [3, 2] }));
        AssertRefused("layers_per_block has 3", () => new UNet2DConditionModel(config with { LayersPerBlock = [1, 1, 1] }));
        AssertRefused("norm_num_groups = 32", () => new AutoencoderKL(new AutoencoderKLConfig { BlockOutChannels = [48] }));
        AssertRefused("num_encoder_blocks", () => new AutoencoderTiny(new AutoencoderTinyConfig { NumEncoderBlocks = [1] }));
    }

    [Theory]
    [InlineData("latents_mean", "[0.1]")]
    [InlineData("down_block_types", "[\"DownBlock2D\"]")]
    public void An_option_of_the_autoencoder_that_is_not_implemented_is_named_in_the_refusal(string option, string value)
    {
        File.WriteAllText(_file, $$"""{ "{{option}}": {{value}} }""");
        Assert.Contains(option, Assert.Throws<ConesException>(() => AutoencoderKLConfig.FromFile(_file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tiny_autoencoder_with_another_upsampling_is_refused()
    {
        File.WriteAllText(_file, """{ "upsample_fn": "bilinear" }""");
        Assert.Contains("upsample_fn", Assert.Throws<ConesException>(() => AutoencoderTinyConfig.FromFile(_file)).Message, StringComparison.Ordinal);
    }

    static void AssertRefused(string part, Func<object> build) => Assert.Contains(part, Assert.Throws<ArgumentException>(build).Message, StringComparison.Ordinal);
}
