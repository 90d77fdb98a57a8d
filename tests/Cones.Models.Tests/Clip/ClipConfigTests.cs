using Cones.Models.Clip;
using Cones.Models.Configuration;

namespace Cones.Models.Tests.Clip;

public sealed class ClipConfigTests
{
    [Fact]
    public void Absent_keys_take_the_defaults_of_the_reference()
    {
        var config = ClipConfig.Read(Json("""{ "text_config": { "vocab_size": 30 }, "vision_config": {} }"""));
        Assert.Equal(new ClipTextConfig { VocabSize = 30 }, config.Text);
        Assert.Equal(new ClipVisionConfig(), config.Vision);
        Assert.Equal((512, 512, 8, 77, 49407), (config.ProjectionDim, config.Text.HiddenSize, config.Text.NumAttentionHeads, config.Text.MaxPositionEmbeddings, config.Text.EosTokenId));
        Assert.Equal((768, 12, 224, 32, 49), (config.Vision.HiddenSize, config.Vision.NumAttentionHeads, config.Vision.ImageSize, config.Vision.PatchSize, config.Vision.PatchCount));
    }

    [Fact]
    public void A_repeated_early_configuration_replaces_the_nested_one_whole()
    {
        var json = Json("""
            { "projection_dim": 768, "text_config": { "hidden_size": 16, "eos_token_id": 2 }, "text_config_dict": { "hidden_size": 24 },
              "vision_config": null, "vision_config_dict": { "patch_size": 14 } }
            """);
        var config = ClipConfig.Read(json);
        Assert.Equal(new ClipTextConfig { HiddenSize = 24 }, config.Text);
        Assert.Equal(new ClipVisionConfig { PatchSize = 14 }, config.Vision);
        Assert.Equal(768, config.ProjectionDim);
    }

    [Fact]
    public void A_tower_finds_its_part_of_a_joint_configuration()
    {
        var json = Json("""{ "text_config": { "hidden_size": 16 }, "vision_config": { "hidden_size": 36 } }""");
        Assert.Equal(16, ClipTextConfig.Read(json).HiddenSize);
        Assert.Equal(36, ClipVisionConfig.Read(json).HiddenSize);
    }

    [Theory]
    [InlineData("""{ "hidden_size": 30, "num_attention_heads": 4 }""", "hidden_size 30 is not a multiple of num_attention_heads 4")]
    [InlineData("""{ "num_hidden_layers": 0 }""", "num_hidden_layers is 0")]
    [InlineData("""{ "num_attention_heads": -1 }""", "num_attention_heads is -1")]
    [InlineData("""{ "layer_norm_eps": 0 }""", "layer_norm_eps is 0")]
    [InlineData("""{ "hidden_act": "swoosh" }""", "swoosh")]
    public void Impossible_text_towers_are_refused_with_the_numbers(string json, string expected)
    {
        var error = Assert.Throws<ConesException>(() => ClipTextConfig.Read(Json(json)));
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData("""{ "image_size": 16, "patch_size": 32 }""", "patch_size 32 is larger than image_size 16")]
    [InlineData("""{ "hidden_size": 30, "num_attention_heads": 4 }""", "hidden_size 30")]
    [InlineData("""{ "num_channels": 0 }""", "num_channels is 0")]
    public void Impossible_vision_towers_are_refused_with_the_numbers(string json, string expected)
    {
        var error = Assert.Throws<ConesException>(() => ClipVisionConfig.Read(Json(json)));
        Assert.Contains(expected, error.Message);
    }

    [Fact]
    public void A_joint_model_needs_both_towers()
    {
        var error = Assert.Throws<ConesException>(() => ClipConfig.Read(Json("""{ "hidden_size": 8 }""")));
        Assert.Contains("not a joint model", error.Message);
    }

    [Theory]
    [InlineData("{ not json")]
    [InlineData("[1, 2]")]
    [InlineData("null")]
    [InlineData("""{ "hidden_size": "wide" }""")]
    [InlineData("""{ "text_config": 3 }""")]
    [InlineData("""{ "hidden_size": 30 }""")]
    public void A_bad_file_is_named_to_the_user(string content)
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");
        File.WriteAllText(path, content);
        try
        {
            Assert.Contains(path, Assert.Throws<ConesException>(() => ClipTextConfig.Read(path)).Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_missing_file_is_named_to_the_user()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}", "config.json");
        Assert.Contains(path, Assert.Throws<ConesException>(() => ClipConfig.Read(path)).Message);
    }

    static ConfigReader Json(string text) => ConfigReader.Parse(text, "config.json");
}
