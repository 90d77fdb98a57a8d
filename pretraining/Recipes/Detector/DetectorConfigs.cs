using System.Text.Json.Nodes;
using Cones.Models.Bert;
using Cones.Models.Glip.Configuration;
using Cones.Models.Swin;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>The shapes of the detectors, and <c>glip_config.json</c>.</summary>
static class DetectorConfigs
{
    // The captions of pictures with many classes; what the text encoder has positions for.
    const int MaxTokens = 96;

    /// <summary>The detector: Swin 32 (2-2-5-1), pyramid of 64 channels, BERT of 128, two layers of fusion.</summary>
    public static GlipConfig Fusion(int vocabulary) => new()
    {
        Swin = new SwinConfig { EmbedDim = 32, Depths = [2, 2, 5, 1], NumHeads = [1, 2, 4, 8], WindowSize = 4 },
        Bert = Bert(vocabulary, layers: 3),
        MaxTokens = MaxTokens,
        Head = new GlipHeadConfig { Channels = 64, Layers = 2, NormGroups = 16, FusionHeads = 4, FusionWidth = 128 },
        // Objects of 10 to 60 pixels: half of GLIP's sizes.
        Anchors = new GlipAnchorConfig { Sizes = [32, 64, 128, 256, 512] },
        Input = new GlipInputConfig { MinSize = 128, MaxSize = 256 },
    };

    /// <summary>
    /// The control of the same size: image and text meet in the last product only (GLIP-T(A)). What the fusion would weigh goes
    /// into a third layer of the tower and two of the text encoder.
    /// </summary>
    public static GlipConfig NoFusion(int vocabulary)
    {
        var fusion = Fusion(vocabulary);
        return fusion with
        {
            Bert = Bert(vocabulary, layers: 5),
            Head = fusion.Head with { EarlyFusion = false, FusedDotProduct = false, Layers = 3 },
        };
    }

    /// <summary><c>glip_config.json</c>.</summary>
    public static JsonObject Json(GlipConfig c) => new()
    {
        ["swin"] = new JsonObject
        {
            ["embed_dim"] = c.Swin.EmbedDim,
            ["depths"] = Array(c.Swin.Depths),
            ["num_heads"] = Array(c.Swin.NumHeads),
            ["window_size"] = c.Swin.WindowSize,
            ["mlp_ratio"] = c.Swin.MlpRatio,
            ["patch_size"] = c.Swin.PatchSize,
        },
        ["fpn"] = new JsonObject { ["out_channels"] = c.Head.Channels },
        ["language"] = new JsonObject
        {
            ["bert"] = new JsonObject
            {
                ["model_type"] = "bert",
                ["vocab_size"] = c.Bert.VocabSize,
                ["hidden_size"] = c.Bert.HiddenSize,
                ["num_hidden_layers"] = c.Bert.NumHiddenLayers,
                ["num_attention_heads"] = c.Bert.NumAttentionHeads,
                ["intermediate_size"] = c.Bert.IntermediateSize,
                ["hidden_act"] = c.Bert.HiddenAct,
                ["max_position_embeddings"] = c.Bert.MaxPositionEmbeddings,
                ["type_vocab_size"] = c.Bert.TypeVocabSize,
                ["layer_norm_eps"] = c.Bert.LayerNormEps,
                ["pad_token_id"] = c.Bert.PadTokenId,
            },
            ["n_layers"] = c.TextLayers,
            ["max_query_len"] = c.MaxTokens,
            ["mask_special"] = c.MaskSpecialTokens,
        },
        ["dyhead"] = new JsonObject
        {
            ["channels"] = c.Head.Channels,
            ["num_convs"] = c.Head.Layers,
            ["gn_groups"] = c.Head.NormGroups,
            ["early_fuse"] = c.Head.EarlyFusion,
            ["use_fused_features_dot_product"] = c.Head.FusedDotProduct,
            ["vlfuse_heads"] = c.Head.FusionHeads,
            ["vlfuse_embed_dim"] = c.Head.FusionWidth,
        },
        ["anchors"] = new JsonObject { ["sizes"] = Array(c.Anchors.Sizes), ["strides"] = Array(c.Anchors.Strides) },
        ["input"] = new JsonObject
        {
            ["min_size"] = c.Input.MinSize,
            ["max_size"] = c.Input.MaxSize,
            ["size_divisibility"] = c.Input.SizeDivisibility,
        },
    };

    static BertConfig Bert(int vocabulary, int layers) => new()
    {
        VocabSize = vocabulary,
        HiddenSize = 128,
        NumHiddenLayers = layers,
        NumAttentionHeads = 4,
        IntermediateSize = 512,
        MaxPositionEmbeddings = MaxTokens,
    };

    static JsonArray Array<T>(IEnumerable<T> items) => new([.. items.Select(i => (JsonNode?)JsonValue.Create(i))]);
}
