using Cones.Models.Bert;
using Cones.Models.Configuration;
using Cones.Models.Swin;

namespace Cones.Models.GroundingDino;

/// <summary>Reads <c>config.json</c> of both families.</summary>
static class GroundingDinoConfigJson
{
    public static GroundingDinoConfig Read(string path)
    {
        var json = ConfigReader.Open(path);
        json.RequireOneOf("model_type", $"\"{GroundingDinoConfig.GroundingDino}\"", $"\"{GroundingDinoConfig.MMGroundingDino}\"");
        // Backbones of the timm library and by name have other weights in other layouts.
        json.RequireOneOf("use_timm_backbone", "false");
        json.RequireOneOf("backbone");
        json.RequireOneOf("position_embedding_type", "\"sine\"", "\"learned\"");
        json.RequireOneOf("query_dim", "4");

        var scaled = json.Text("model_type", GroundingDinoConfig.GroundingDino) == GroundingDinoConfig.MMGroundingDino;
        var twoStage = json.Bool("two_stage", true);
        var config = new GroundingDinoConfig
        {
            ScaledClassHeads = scaled,
            Backbone = json.Child("backbone_config") is { } backbone ? SwinConfig.From(backbone) : new SwinConfig(),
            Text = json.Child("text_config") is { } text ? BertConfig.From(text) : new BertConfig(),
            DModel = json.Int("d_model", 256),
            NumQueries = json.Int("num_queries", 900),
            EncoderLayers = json.Int("encoder_layers", 6),
            EncoderFfnDim = json.Int("encoder_ffn_dim", 2048),
            EncoderAttentionHeads = json.Int("encoder_attention_heads", 8),
            EncoderPoints = json.Int("encoder_n_points", 4),
            DecoderLayers = json.Int("decoder_layers", 6),
            DecoderFfnDim = json.Int("decoder_ffn_dim", 2048),
            DecoderAttentionHeads = json.Int("decoder_attention_heads", 8),
            DecoderPoints = json.Int("decoder_n_points", 4),
            NumFeatureLevels = json.Int("num_feature_levels", 4),
            ActivationFunction = json.Text("activation_function", "relu"),
            LayerNormEps = json.Double("layer_norm_eps", 1e-5),
            MaxTextLen = json.Int("max_text_len", 256),
            LearnedPositions = json.Text("position_embedding_type", "sine") == "learned",
            PositionTemperature = json.Double("positional_embedding_temperature", 20),
            TwoStage = twoStage,
            LearnedQueries = json.Bool("embedding_init_target", true) || !twoStage,
            // The published MM Grounding DINO files do not carry the flags; mmdet never shares heads.
            SharedBoxHeads = json.Bool("decoder_bbox_embed_share", !scaled),
            SharedClassHeads = json.Bool("decoder_cls_embed_share", false),
        };
        try
        {
            config.Validate();
            return config;
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{path} describes an impossible Grounding DINO: {e.Message}", e);
        }
    }
}
