using Cones.Models.Sam;
using Cones.Models.Tests.Weights;

namespace Cones.Models.Tests.Sam;

public sealed class SamConfigTests : WeightsFixture
{
    [Theory]
    [InlineData("""{ "vision_config": { "hidden_size": 100, "num_attention_heads": 12 } }""", "100", "12")]
    [InlineData("""{ "vision_config": { "image_size": 10 } }""", "10", "16")]
    [InlineData("""{ "vision_config": { "window_size": -1 } }""", "-1", "window_size")]
    [InlineData("""{ "vision_config": { "num_pos_feats": 64 } }""", "128", "256")]
    [InlineData("""{ "vision_config": { "hidden_act": "snake" } }""", "snake", "gelu")]
    [InlineData("""{ "prompt_encoder_config": { "image_size": 512 } }""", "512", "1024")]
    [InlineData("""{ "prompt_encoder_config": { "mask_input_channels": 3 } }""", "3", "4")]
    [InlineData("""{ "prompt_encoder_config": { "num_point_embeddings": 3 } }""", "3", "4")]
    [InlineData("""{ "mask_decoder_config": { "attention_downsample_rate": 3 } }""", "85", "8")]
    [InlineData("""{ "mask_decoder_config": { "iou_head_depth": 0 } }""", "0", "at least 1")]
    [InlineData("""{ "mask_decoder_config": { "hidden_size": 128 } }""", "256", "128")]
    [InlineData("""{ "mask_decoder_config": { "layer_norm_eps": 0 } }""", "0", "layer_norm_eps")]
    [InlineData("""{ "mask_decoder_config": { "mlp_dim": "wide" } }""", "mlp_dim", "wide")]
    public void An_impossible_configuration_is_refused_with_file_and_numbers(string json, string one, string other)
    {
        var path = PathOf("config.json");
        File.WriteAllText(path, json);
        var message = Message(() => SamConfig.FromFile(path));
        Assert.Contains(path, message);
        Assert.Contains(one, message);
        Assert.Contains(other, message);
    }

    [Fact]
    public void Absent_parts_have_the_published_defaults()
    {
        var path = PathOf("config.json");
        File.WriteAllText(path, """{ "vision_config": { "hidden_size": 1024, "num_attention_heads": 16, "mlp_ratio": 2.0, "num_hidden_layers": 3 } }""");
        var config = SamConfig.FromFile(path);
        Assert.Equal((14, 64), (config.Vision.WindowOf(1), config.Vision.WindowOf(2)));
        Assert.Equal(2048, config.Vision.MlpDim);
        Assert.Equal(new SamMaskDecoderConfig(), config.MaskDecoder);
        Assert.Equal(new SamPromptEncoderConfig(), config.PromptEncoder);
    }

    [Fact]
    public void A_window_of_zero_makes_every_layer_global()
    {
        var vision = SamConfig.Base.Vision;
        Assert.Equal((14, 64), (vision.WindowOf(0), vision.WindowOf(2)));
        Assert.All(Enumerable.Range(0, 12), i => Assert.Equal(64, (vision with { WindowSize = 0 }).WindowOf(i)));
    }
}
