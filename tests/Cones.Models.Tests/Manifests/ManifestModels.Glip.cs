using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;

namespace Cones.Models.Tests.Manifests;

static partial class ManifestModels
{
    // Each has 20,560 parameters less than published: a class head that no model of this kind reads.
    static IReadOnlyList<ManifestModel> Glip =>
    [
        GlipRow("glip_tiny_fused", new GlipConfig(), 231_759_662),
        GlipRow("glip_a_tiny", GlipA, 151_409_966),
        GlipRow("glip_large", GlipLarge, 430_401_824),
    ];

    /// <summary>GLIP-T(A).</summary>
    public static GlipConfig GlipA => new() { Head = new GlipHeadConfig { EarlyFusion = false, FusedDotProduct = false } };

    /// <summary>GLIP-L.</summary>
    public static GlipConfig GlipLarge => new()
    {
        Swin = new() { EmbedDim = 192, Depths = [2, 2, 18, 2], NumHeads = [6, 12, 24, 48], WindowSize = 12 },
        Head = new GlipHeadConfig { Layers = 8 },
    };

    static ManifestModel GlipRow(string manifest, GlipConfig config, long parameters) => new($"glip/{manifest}", () => new GlipModel(config), parameters, GlipKeys.Rename)
    {
        Unused =
        [
            "module.language_backbone.body.model.embeddings.position_ids", "module.rpn.anchor_generator.", "module.rpn.head.cls_logits.",
            .. config.Swin.Depths.SelectMany((depth, stage) => Enumerable.Range(0, depth).Select(b => $"module.backbone.body.layers.{stage}.blocks.{b}.attn.relative_position_index")),
        ],
    };
}
