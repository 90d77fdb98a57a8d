using Cones.Models.Glip.Configuration;
using Cones.Models.Tests.Manifests;

namespace Cones.Models.Tests.Glip;

public sealed class GlipConfigTests : IDisposable
{
    // The settings of configs/pretrain/glip_Swin_L.yaml that describe the model, with what else such files hold.
    const string LargeYaml = """
        MODEL:
          META_ARCHITECTURE: "GeneralizedVLRCNN"
          WEIGHT: "swin_large_patch4_window12_384_22k.pth"
          RPN_ARCHITECTURE: "VLDYHEAD"

          BACKBONE:
            CONV_BODY: "SWINT-FPN-RETINANET"
            OUT_CHANNELS: 256
          SWINT:
            EMBED_DIM: 192
            DEPTHS: (2, 2, 18, 2)
            NUM_HEADS: (6, 12, 24, 48)
            WINDOW_SIZE: 12
          LANGUAGE_BACKBONE:
            MODEL_TYPE: "bert-base-uncased" # "roberta-base", "clip"
            MASK_SPECIAL: False
          RPN:
            USE_FPN: True
            ANCHOR_SIZES: (64, 128, 256, 512, 1024)
            ANCHOR_STRIDE: (8, 16, 32, 64, 128)
            ASPECT_RATIOS: (1.0,)
            SCALES_PER_OCTAVE: 1
          DYHEAD:
            CHANNELS: 256
            NUM_CONVS: 8
            USE_GN: True
            USE_DYRELU: True
            USE_DFCONV: True
            USE_DYFUSE: True
            SCORE_AGG: "MEAN"
            USE_CHECKPOINT: True
            FUSE_CONFIG:
              USE_FUSED_FEATURES_DOT_PRODUCT: True
              EARLY_FUSE_ON: True
              TYPE: "MHA-B"
              USE_DOT_PRODUCT_TOKEN_LOSS: True
              CLAMP_MIN_FOR_UNDERFLOW: True
              CLAMP_MAX_FOR_OVERFLOW: True
              CLAMP_BERTATTN_MIN_FOR_UNDERFLOW: True
              CLAMP_BERTATTN_MAX_FOR_OVERFLOW: True
              CLAMP_DOT_PRODUCT: True

        # use for grounding model
        DATASETS:
          TRAIN: ("mixed_train_no_coco", "a # b", )
          SEPARATION_TOKENS: ". "
        INPUT:
          PIXEL_MEAN: [ 103.530, 116.280, 123.675 ]
          PIXEL_STD: [ 57.375, 57.120, 58.395 ]
          MIN_SIZE_TEST: 800
          MAX_SIZE_TEST: 1333
        DATALOADER:
          SIZE_DIVISIBILITY: 32
        """;

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glip");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void The_yaml_of_the_large_model_is_read()
    {
        var config = Yaml(LargeYaml);
        Assert.Equivalent(ManifestModels.GlipLarge, config, strict: true);
    }

    [Fact]
    public void What_a_yaml_file_leaves_out_has_the_defaults_of_the_program()
    {
        var config = Yaml("MODEL:\n  RPN_ARCHITECTURE: \"VLDYHEAD\"\n");
        Assert.Equal((128, 4, false), (config.Head.Channels, config.Head.Layers, config.Head.EarlyFusion));
        Assert.Equal(double.PositiveInfinity, config.Head.Clamp);
        Assert.Equal([32, 64, 128, 256, 512], config.Anchors.Sizes);
        Assert.Equal((" ", 0), (config.Separator, config.Input.SizeDivisibility));
        Assert.Equal(102.9801, config.Input.Mean[0]);
        Assert.True(config.Input is { Bgr: true, To255: true });
    }

    [Theory]
    [InlineData("RPN_ARCHITECTURE: \"VLDYHEAD\"", "RPN_ARCHITECTURE: \"RPN\"", "VLDYHEAD")]
    [InlineData("USE_DFCONV: True", "USE_DFCONV: False", "MODEL.DYHEAD.USE_DFCONV = False")]
    [InlineData("TYPE: \"MHA-B\"", "TYPE: \"FILM\"", "MHA-B")]
    [InlineData("NUM_CONVS: 8", "NUM_CONVS: eight", "MODEL.DYHEAD.NUM_CONVS = eight, an integer expected")]
    [InlineData("OUT_CHANNELS: 256", "OUT_CHANNELS: 128", "MODEL.BACKBONE.OUT_CHANNELS = 128")]
    [InlineData("CLAMP_DOT_PRODUCT: True", "CLAMP_DOT_PRODUCT: False", "set them all alike")]
    [InlineData("ASPECT_RATIOS: (1.0,)", "ASPECT_RATIOS: (0.5, 1.0)", "ASPECT_RATIOS")]
    [InlineData("NUM_HEADS: (6, 12, 24, 48)", "NUM_HEADS: (5, 12, 24, 48)", "192 wide, which is not a multiple of its 5 heads")]
    public void A_yaml_file_of_another_structure_is_refused(string setting, string other, string message)
    {
        Assert.Contains(setting, LargeYaml);
        var e = Assert.Throws<ConesException>(() => Yaml(LargeYaml.Replace(setting, other)));
        Assert.Contains(message, e.Message);
        Assert.Contains(_folder.FullName, e.Message);
    }

    [Fact]
    public void The_json_digest_is_read_and_wrong_values_are_named()
    {
        var path = Path.Combine(GlipTestModels.FusedFolder, "glip_config.json");
        var config = GlipConfig.FromFile(path);
        Assert.Equal((32, 2, 40, 50000.0), (config.Head.Channels, config.Head.Layers, config.Head.FusionWidth, config.Head.Clamp));
        Assert.Equal((98, 4, 20), (config.Bert.VocabSize, config.Bert.NumAttentionHeads, config.MaxTokens));
        Assert.False(GlipConfig.FromFile(Path.Combine(GlipTestModels.UnfusedFolder, "glip_config.json")).Head.EarlyFusion);

        Refused("\"vlfuse_embed_dim\": 40", "\"vlfuse_embed_dim\": 41", "41", "8");
        Refused("\"gn_groups\": 16", "\"gn_groups\": 3", "channels 32", "gn_groups 3");
        Refused("\"lang_dim\": 24", "\"lang_dim\": 25", "lang_dim = 25", "24");
        Refused("\"ape\": false", "\"ape\": true", "ape");
        Refused("\"score_agg\": \"MEAN\"", "\"score_agg\": \"ONEHOT\"", "ONEHOT");
        Refused("\"max_query_len\": 20", "\"max_query_len\": 261", "261", "260");
        Refused("\"n_layers\": 1", "\"n_layers\": 3", "3", "1 to 2");

        void Refused(string setting, string other, params string[] parts)
        {
            var text = File.ReadAllText(path);
            Assert.Contains(setting, text);
            var file = Path.Combine(_folder.FullName, "glip_config.json");
            File.WriteAllText(file, text.Replace(setting, other));
            var message = Assert.Throws<ConesException>(() => GlipConfig.FromFile(file)).Message;
            Assert.All([file, .. parts], p => Assert.Contains(p, message));
        }
    }

    [Fact]
    public void Shapes_tell_the_published_models()
    {
        Check("glip_tiny_fused", new GlipConfig());
        Check("glip_a_tiny", ManifestModels.GlipA);
        Check("glip_large", ManifestModels.GlipLarge);

        static void Check(string manifest, GlipConfig expected)
        {
            using var weights = new ManifestCheckpoint(GlipTestModels.Golden($"glip/manifests/{manifest}.json"));
            Assert.Equivalent(expected, GlipConfig.FromWeights(weights), strict: true);
        }
    }

    [Fact]
    public void Shapes_of_another_model_are_refused()
    {
        using var weights = new ManifestCheckpoint(GlipTestModels.Golden("clip/manifests/clip-vit-base-patch32.json"));
        Assert.Contains("is no GLIP model", Assert.Throws<ConesException>(() => GlipConfig.FromWeights(weights)).Message);
    }

    GlipConfig Yaml(string text)
    {
        var path = Path.Combine(_folder.FullName, "config.yaml");
        File.WriteAllText(path, text);
        return GlipConfig.FromFile(path);
    }
}
