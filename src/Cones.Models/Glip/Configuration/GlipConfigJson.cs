using Cones.Models.Bert;
using Cones.Models.Configuration;
using Cones.Models.Swin;

namespace Cones.Models.Glip.Configuration;

/// <summary>Reads <c>glip_config.json</c>: the settings of GLIP's YAML files that describe the model, by readable names.</summary>
static class GlipConfigJson
{
    public static GlipConfig Read(string path)
    {
        var json = ConfigReader.Open(path);
        var defaults = new GlipConfig();
        var language = json.Child("language");
        var bert = language?.Child("bert") is { } b ? BertConfig.From(b) : defaults.Bert;
        language?.RequireOneOf("lang_dim", $"{bert.HiddenSize}");
        var input = json.Child("input");
        var head = json.Child("dyhead");
        var channels = head?.Int("channels", defaults.Head.Channels) ?? defaults.Head.Channels;
        json.Child("fpn")?.RequireOneOf("out_channels", $"{channels}");
        return defaults with
        {
            Swin = json.Child("swin") is { } swin ? Swin(swin, defaults.Swin) : defaults.Swin,
            Bert = bert,
            TextLayers = language?.Int("n_layers", defaults.TextLayers) ?? defaults.TextLayers,
            MaxTokens = language?.Int("max_query_len", defaults.MaxTokens) ?? defaults.MaxTokens,
            MaskSpecialTokens = language?.Bool("mask_special", false) ?? false,
            Separator = input?.Text("separation_tokens", defaults.Separator) ?? defaults.Separator,
            Head = head is null ? defaults.Head : Head(head, defaults.Head),
            Anchors = json.Child("anchors") is { } anchors ? Anchors(anchors, defaults.Anchors) : defaults.Anchors,
            Loss = json.Child("loss") is { } loss ? Loss(loss, defaults.Loss) : defaults.Loss,
            Detection = Detection(json.Child("test"), head, defaults.Detection),
            Input = input is null ? defaults.Input : Input(input, defaults.Input),
        };
    }

    static SwinConfig Swin(ConfigReader json, SwinConfig d)
    {
        json.RequireOneOf("ape", "false");
        return d with
        {
            EmbedDim = json.Int("embed_dim", d.EmbedDim),
            Depths = json.Ints("depths", d.Depths),
            NumHeads = json.Ints("num_heads", d.NumHeads),
            WindowSize = json.Int("window_size", d.WindowSize),
            MlpRatio = json.Double("mlp_ratio", d.MlpRatio),
            PatchSize = json.Int("patch_size", d.PatchSize),
        };
    }

    static GlipHeadConfig Head(ConfigReader json, GlipHeadConfig d) => d with
    {
        Channels = json.Int("channels", d.Channels),
        Layers = json.Int("num_convs", d.Layers),
        NormGroups = json.Int("gn_groups", d.NormGroups),
        EarlyFusion = json.Bool("early_fuse", d.EarlyFusion),
        FusedDotProduct = json.Bool("use_fused_features_dot_product", d.FusedDotProduct),
        FusionHeads = json.Int("vlfuse_heads", d.FusionHeads),
        FusionWidth = json.Int("vlfuse_embed_dim", d.FusionWidth),
        StableSoftmax = json.Bool("stable_softmax_2d", d.StableSoftmax),
        Clamp = json.Double("clamp", d.Clamp),
        HasPromptOffset = json.Bool("add_linear_layer", d.HasPromptOffset),
    };

    static GlipAnchorConfig Anchors(ConfigReader json, GlipAnchorConfig d)
    {
        json.RequireOneOf("scales_per_octave", "1");
        var ratios = json.Doubles("aspect_ratios") ?? [d.AspectRatio];
        if (ratios.Count != 1) throw new ConesException($"{json.Path}: {ratios.Count} aspect ratios, but the head predicts one box a cell: give one");
        return d with
        {
            Sizes = json.Doubles("sizes") ?? d.Sizes,
            Strides = json.Ints("strides", d.Strides),
            AspectRatio = ratios[0],
        };
    }

    static GlipLossConfig Loss(ConfigReader json, GlipLossConfig d) => d with
    {
        TopK = json.Int("topk", d.TopK),
        TokenAlpha = json.Double("token_alpha", d.TokenAlpha),
        TokenGamma = json.Double("token_gamma", d.TokenGamma),
        BoxWeight = json.Double("reg_weight", d.BoxWeight),
    };

    static GlipDetectionConfig Detection(ConfigReader? json, ConfigReader? head, GlipDetectionConfig d)
    {
        head?.RequireOneOf("score_agg", "\"MEAN\"", "\"MAX\"");
        d = d with { ScoreAggregation = head?.TextOrNull("score_agg") == "MAX" ? GlipScoreAggregation.Max : d.ScoreAggregation };
        return json is null ? d : d with
        {
            ScoreThreshold = json.Double("pre_nms_thresh", d.ScoreThreshold),
            CandidatesPerLevel = json.Int("pre_nms_top_n", d.CandidatesPerLevel),
            NmsThreshold = json.Double("nms_thresh", d.NmsThreshold),
            DetectionsPerImage = json.Int("detections_per_img", d.DetectionsPerImage),
        };
    }

    static GlipInputConfig Input(ConfigReader json, GlipInputConfig d) => d.WithFormat(json.Text("format", "bgr255")) with
    {
        Mean = json.Doubles("mean") ?? d.Mean,
        Std = json.Doubles("std") ?? d.Std,
        MinSize = json.Int("min_size", d.MinSize),
        MaxSize = json.Int("max_size", d.MaxSize),
        SizeDivisibility = json.Int("size_divisibility", d.SizeDivisibility),
    };
}
