using Cones.Models.GroundingDino;
using static Cones.Models.Tests.GroundingDino.GroundingDinoTestModels;

namespace Cones.Models.Tests.GroundingDino;

public sealed class GroundingDinoConfigTests : IDisposable
{
    readonly string _path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Absent_keys_take_the_defaults_of_the_reference()
    {
        var config = Read("""{ "model_type": "grounding-dino" }""");
        Assert.Equal((256, 900, 6, 2048, 8, 4), (config.DModel, config.NumQueries, config.EncoderLayers, config.EncoderFfnDim, config.EncoderAttentionHeads, config.EncoderPoints));
        Assert.Equal((6, 2048, 8, 4, 4, 256), (config.DecoderLayers, config.DecoderFfnDim, config.DecoderAttentionHeads, config.DecoderPoints, config.NumFeatureLevels, config.MaxTextLen));
        Assert.Equal((true, true, true, false, false, 20.0, "relu"), (config.TwoStage, config.LearnedQueries, config.SharedBoxHeads, config.LearnedPositions, config.ScaledClassHeads, config.PositionTemperature, config.ActivationFunction));
        Assert.Equal([192, 384, 768], config.BackboneChannels);
        Assert.Equal(30522, config.Text.VocabSize);
    }

    [Fact]
    public void MM_models_scale_their_scores_and_share_nothing()
    {
        var config = Read("""{ "model_type": "mm-grounding-dino", "embedding_init_target": true }""");
        Assert.Equal((true, false, false), (config.ScaledClassHeads, config.SharedBoxHeads, config.SharedClassHeads));
    }

    [Fact]
    public void Every_option_is_read()
    {
        var config = Read("""
            {
              "model_type": "grounding-dino", "d_model": 64, "num_queries": 7, "encoder_layers": 1, "encoder_ffn_dim": 32, "encoder_attention_heads": 4,
              "encoder_n_points": 2, "decoder_layers": 3, "decoder_ffn_dim": 40, "decoder_attention_heads": 2, "decoder_n_points": 5,
              "num_feature_levels": 5, "activation_function": "gelu", "layer_norm_eps": 1e-6, "max_text_len": 77,
              "position_embedding_type": "learned", "positional_embedding_temperature": 10000, "two_stage": true, "embedding_init_target": false,
              "decoder_bbox_embed_share": false, "decoder_cls_embed_share": true,
              "backbone_config": { "model_type": "swin", "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "out_indices": [1, 2] },
              "text_config": { "model_type": "bert", "hidden_size": 24, "num_attention_heads": 2 }
            }
            """);
        Assert.Equal((64, 7, 1, 32, 4, 2), (config.DModel, config.NumQueries, config.EncoderLayers, config.EncoderFfnDim, config.EncoderAttentionHeads, config.EncoderPoints));
        Assert.Equal((3, 40, 2, 5, 5, 77), (config.DecoderLayers, config.DecoderFfnDim, config.DecoderAttentionHeads, config.DecoderPoints, config.NumFeatureLevels, config.MaxTextLen));
        Assert.Equal(("gelu", 1e-6, true, 10000.0), (config.ActivationFunction, config.LayerNormEps, config.LearnedPositions, config.PositionTemperature));
        Assert.Equal((true, false, false, true), (config.TwoStage, config.LearnedQueries, config.SharedBoxHeads, config.SharedClassHeads));
        Assert.Equal([8, 16], config.BackboneChannels);
        Assert.Equal(24, config.Text.HiddenSize);
    }

    [Theory]
    [InlineData("""{ "model_type": "detr" }""", "detr")]
    [InlineData("""{ "d_model": 250 }""", "d_model 250 is not a multiple of the 32")]
    [InlineData("""{ "d_model": 96, "encoder_attention_heads": 7 }""", "d_model 96 is not a multiple of encoder_attention_heads 7")]
    [InlineData("""{ "decoder_attention_heads": 6 }""", "d_model 256 is not a multiple of decoder_attention_heads 6")]
    [InlineData("""{ "encoder_attention_heads": 1 }""", "at least 2")]
    [InlineData("""{ "encoder_ffn_dim": 2046 }""", "encoder_ffn_dim / 2 = 1023 is not a multiple of encoder_attention_heads / 2 = 4")]
    [InlineData("""{ "num_feature_levels": 2 }""", "num_feature_levels is 2, but the backbone gives 3 maps")]
    [InlineData("""{ "num_queries": 0 }""", "num_queries is 0")]
    [InlineData("""{ "layer_norm_eps": 0 }""", "layer_norm_eps is 0")]
    [InlineData("""{ "positional_embedding_temperature": 0 }""", "positional_embedding_temperature is 0")]
    [InlineData("""{ "activation_function": "swoosh" }""", "swoosh")]
    [InlineData("""{ "model_type": "mm-grounding-dino", "two_stage": false }""", "two_stage is false")]
    [InlineData("""{ "use_timm_backbone": true }""", "use_timm_backbone")]
    [InlineData("""{ "backbone": "resnet50" }""", "resnet50")]
    [InlineData("""{ "backbone_config": { "model_type": "resnet" } }""", "resnet")]
    [InlineData("""{ "position_embedding_type": "rotary" }""", "rotary")]
    [InlineData("""{ "query_dim": 2 }""", "query_dim")]
    [InlineData("""{ "max_text_len": "long" }""", "max_text_len")]
    public void What_cannot_be_built_is_refused_with_the_file_and_the_reason(string json, string reason) =>
        Throws<ConesException>(() => Read(json), _path, reason);

    GroundingDinoConfig Read(string json)
    {
        File.WriteAllText(_path, json);
        return GroundingDinoConfig.FromFile(_path);
    }
}
