namespace Cones.Models.Glip.Configuration;

/// <summary>
/// Reads GLIP's own YAML files (<c>configs/pretrain/*.yaml</c>). What a file does not set has the value of GLIP's
/// <c>config/defaults.py</c>; what would give a model of another structure is refused.
/// </summary>
static class GlipConfigYaml
{
    public static GlipConfig Read(string path)
    {
        var yaml = YamlSettings.Open(path);
        RefuseOtherStructures(yaml);
        var defaults = new GlipConfig();
        return defaults with
        {
            Swin = defaults.Swin with
            {
                EmbedDim = yaml.Int("MODEL.SWINT.EMBED_DIM", 96),
                Depths = Ints(yaml, "MODEL.SWINT.DEPTHS", [2, 2, 6, 2]),
                NumHeads = Ints(yaml, "MODEL.SWINT.NUM_HEADS", [3, 6, 12, 24]),
                WindowSize = yaml.Int("MODEL.SWINT.WINDOW_SIZE", 7),
                MlpRatio = yaml.Double("MODEL.SWINT.MLP_RATIO", 4),
            },
            TextLayers = yaml.Int("MODEL.LANGUAGE_BACKBONE.N_LAYERS", 1),
            MaxTokens = yaml.Int("MODEL.LANGUAGE_BACKBONE.MAX_QUERY_LEN", 256),
            MaskSpecialTokens = yaml.Bool("MODEL.LANGUAGE_BACKBONE.MASK_SPECIAL", false),
            Separator = yaml.Text("DATASETS.SEPARATION_TOKENS", " "),
            Head = Head(yaml),
            Anchors = new GlipAnchorConfig
            {
                Sizes = yaml.Numbers("MODEL.RPN.ANCHOR_SIZES", [32, 64, 128, 256, 512]),
                Strides = Ints(yaml, "MODEL.RPN.ANCHOR_STRIDE", [8, 16, 32, 64, 128]),
                AspectRatio = yaml.Numbers("MODEL.RPN.ASPECT_RATIOS", [1]) is [var ratio]
                    ? ratio
                    : throw new ConesException($"{path}: MODEL.RPN.ASPECT_RATIOS must be one number, since the head predicts one box a cell"),
            },
            Loss = new GlipLossConfig
            {
                TopK = yaml.Int("MODEL.ATSS.TOPK", 9),
                TokenAlpha = yaml.Double("MODEL.DYHEAD.FUSE_CONFIG.TOKEN_ALPHA", 0.25),
                TokenGamma = yaml.Double("MODEL.DYHEAD.FUSE_CONFIG.TOKEN_GAMMA", 2),
                BoxWeight = yaml.Double("MODEL.ATSS.REG_LOSS_WEIGHT", 2),
            },
            Detection = new GlipDetectionConfig
            {
                ScoreAggregation = yaml.Text("MODEL.DYHEAD.SCORE_AGG", "MEAN") == "MAX" ? GlipScoreAggregation.Max : GlipScoreAggregation.Mean,
                ScoreThreshold = yaml.Double("MODEL.ATSS.INFERENCE_TH", 0.05),
                CandidatesPerLevel = yaml.Int("MODEL.ATSS.PRE_NMS_TOP_N", 1000),
                NmsThreshold = yaml.Double("MODEL.ATSS.NMS_TH", 0.6),
                DetectionsPerImage = yaml.Int("MODEL.ATSS.DETECTIONS_PER_IMG", 100),
            },
            Input = Input(yaml),
        };
    }

    static GlipHeadConfig Head(YamlSettings yaml)
    {
        const string fuse = "MODEL.DYHEAD.FUSE_CONFIG.";
        // Six flags, which all published models set together; the text layers' activations are clamped whatever they say.
        var clamps = new[] { "CLAMP_MIN_FOR_UNDERFLOW", "CLAMP_MAX_FOR_OVERFLOW", "CLAMP_BERTATTN_MIN_FOR_UNDERFLOW", "CLAMP_BERTATTN_MAX_FOR_OVERFLOW", "CLAMP_DOT_PRODUCT" }
            .Select(flag => yaml.Bool(fuse + flag, false)).Distinct().ToArray();
        if (clamps.Length > 1) throw new ConesException($"{yaml.Path}: of the flags {fuse}CLAMP_* some are True and others False, which is not supported: set them all alike");
        return new GlipHeadConfig
        {
            Channels = yaml.Int("MODEL.DYHEAD.CHANNELS", 128),
            Layers = yaml.Int("MODEL.DYHEAD.NUM_CONVS", 4),
            EarlyFusion = yaml.Bool(fuse + "EARLY_FUSE_ON", false),
            FusedDotProduct = yaml.Bool(fuse + "USE_FUSED_FEATURES_DOT_PRODUCT", false),
            StableSoftmax = yaml.Bool(fuse + "STABLE_SOFTMAX_2D", false),
            Clamp = clamps[0] ? 50000 : double.PositiveInfinity,
            HasPromptOffset = yaml.Bool(fuse + "ADD_LINEAR_LAYER", false),
        };
    }

    static GlipInputConfig Input(YamlSettings yaml)
    {
        var format = yaml.Text("INPUT.FORMAT", "");
        if (format.Length == 0) format = yaml.Bool("INPUT.TO_BGR255", true) ? "bgr255" : "rgb";
        return new GlipInputConfig().WithFormat(format) with
        {
            Mean = yaml.Numbers("INPUT.PIXEL_MEAN", [102.9801, 115.9465, 122.7717]),
            Std = yaml.Numbers("INPUT.PIXEL_STD", [1, 1, 1]),
            MinSize = yaml.Int("INPUT.MIN_SIZE_TEST", 800),
            MaxSize = yaml.Int("INPUT.MAX_SIZE_TEST", 1333),
            SizeDivisibility = yaml.Int("DATALOADER.SIZE_DIVISIBILITY", 0),
        };
    }

    static void RefuseOtherStructures(YamlSettings yaml)
    {
        if (yaml.Text("MODEL.RPN_ARCHITECTURE", "") != "VLDYHEAD")
            throw new ConesException($"{yaml.Path}: MODEL.RPN_ARCHITECTURE is not VLDYHEAD, so this is no GLIP model: name the configuration that the model was trained with");
        yaml.RequireOneOf("MODEL.BACKBONE.CONV_BODY", "SWINT-FPN-RETINANET");
        yaml.RequireOneOf("MODEL.BACKBONE.OUT_CHANNELS", $"{yaml.Int("MODEL.DYHEAD.CHANNELS", 128)}");
        yaml.RequireOneOf("MODEL.SWINT.VERSION", "v1");
        yaml.RequireOneOf("MODEL.SWINT.LAYER_SCALE", "0");
        yaml.RequireOneOf("MODEL.LANGUAGE_BACKBONE.MODEL_TYPE", "bert-base-uncased");
        yaml.RequireOneOf("MODEL.RPN.SCALES_PER_OCTAVE", "1");
        yaml.RequireOneOf("MODEL.DYHEAD.SCORE_AGG", "MEAN", "MAX");
        yaml.RequireOneOf("MODEL.DYHEAD.FUSE_CONFIG.TYPE", "MHA-B");
        foreach (var needed in (string[])
            ["SWINT.OUT_NORM", "RPN.USE_FPN", "DYHEAD.USE_GN", "DYHEAD.USE_DYRELU", "DYHEAD.USE_DFCONV", "DYHEAD.USE_DYFUSE", "DYHEAD.FUSE_CONFIG.USE_DOT_PRODUCT_TOKEN_LOSS"])
            yaml.RequireOneOf($"MODEL.{needed}", "True");
        foreach (var unknown in (string[])
            [
                "SWINT.APE", "FPN.USE_GN", "FPN.USE_RELU", "FPN.USE_DYRELU", "FPN.USE_SPP", "FPN.USE_PAN", "FPN.USE_DYHEAD",
                "DYHEAD.FUSE_CONFIG.SEPARATE_BIDIRECTIONAL", "DYHEAD.FUSE_CONFIG.USE_TOKEN_LOSS", "DYHEAD.FUSE_CONFIG.USE_CONTRASTIVE_ALIGN_LOSS",
            ])
            yaml.RequireOneOf($"MODEL.{unknown}", "False");
    }

    static IReadOnlyList<int> Ints(YamlSettings yaml, string name, IReadOnlyList<int> fallback) =>
        [.. yaml.Numbers(name, [.. fallback.Select(n => (double)n)]).Select(n => (int)n)];
}
