using Cones.Models.Sam3;
using Cones.Models.Tests.Weights;

namespace Cones.Models.Tests.Sam3;

public sealed class Sam3ConfigTests : WeightsFixture
{
    [Theory]
    [InlineData("""{ "vision_config": { "backbone_config": { "hidden_size": 1000 } } }""", "1000", "64")]
    [InlineData("""{ "vision_config": { "backbone_config": { "image_size": 10 } } }""", "10", "14")]
    [InlineData("""{ "vision_config": { "backbone_config": { "image_size": [1008, 504] } } }""", "1008 x 504", "square")]
    [InlineData("""{ "vision_config": { "backbone_config": { "rope_theta": 0 } } }""", "0", "rope_theta")]
    [InlineData("""{ "vision_config": { "backbone_config": { "rope_parameters": { "rope_type": "yarn" } } } }""", "yarn", "axial")]
    [InlineData("""{ "vision_config": { "backbone_config": { "model_type": "hiera" } } }""", "hiera", "sam3_vit_model")]
    [InlineData("""{ "vision_config": { "scale_factors": [4, 3, 1] } }""", "3", "0.5")]
    [InlineData("""{ "vision_config": { "scale_factors": [1] } }""", "1 levels", "2")]
    [InlineData("""{ "vision_config": { "fpn_hidden_size": 128 } }""", "128", "256")]
    [InlineData("""{ "detr_decoder_config": { "num_attention_heads": 7 } }""", "DETR decoder", "7")]
    [InlineData("""{ "detr_encoder_config": { "hidden_act": "snake" } }""", "DETR encoder", "snake")]
    [InlineData("""{ "mask_decoder_config": { "num_upsampling_stages": 1 } }""", "1", "2")]
    [InlineData("""{ "geometry_encoder_config": { "roi_size": 0 } }""", "roi_size", "0")]
    [InlineData("""{ "text_config": { "hidden_size": 10, "num_attention_heads": 3 } }""", "10", "3")]
    public void An_impossible_configuration_is_refused_with_file_and_numbers(string json, string one, string other)
    {
        var path = PathOf("config.json");
        File.WriteAllText(path, json);
        var message = Message(() => Sam3Config.FromFile(path));
        Assert.Contains(path, message);
        Assert.Contains(one, message);
        Assert.Contains(other, message);
    }

    [Fact]
    public void The_video_models_detector_is_the_image_model()
    {
        var path = PathOf("config.json");
        File.WriteAllText(path, """
            { "model_type": "sam3_video", "detector_config": { "detr_decoder_config": { "num_queries": 17 }, "text_config": { "hidden_size": 8, "num_attention_heads": 2 } } }
            """);
        var config = Sam3Config.FromFile(path);
        Assert.Equal(17, config.NumQueries);
        Assert.Equal(8, config.Text.HiddenSize);
        File.WriteAllText(path, "{}");
        var empty = Sam3Config.FromFile(path);
        Assert.Equal((200, 1024, 72), (empty.NumQueries, empty.Text.HiddenSize, empty.Vision.Backbone.GridSize));
    }

    [Fact]
    public void The_rotary_base_is_read_from_both_places()
    {
        var path = PathOf("config.json");
        File.WriteAllText(path, """{ "vision_config": { "backbone_config": { "rope_theta": 500, "image_size": [28, 28] } } }""");
        Assert.Equal(500, Sam3Config.FromFile(path).Vision.Backbone.RopeTheta);
        File.WriteAllText(path, """{ "vision_config": { "backbone_config": { "rope_parameters": { "rope_theta": 300, "rope_type": "axial" } } } }""");
        Assert.Equal(300, Sam3Config.FromFile(path).Vision.Backbone.RopeTheta);
    }
}
