namespace Cones.Models.Glip.Configuration;

/// <summary>The detection head (<c>MODEL.DYHEAD</c>); the defaults are those of GLIP-T.</summary>
public sealed record GlipHeadConfig
{
    /// <summary>The channels C of the pyramid and of the head; a multiple of <see cref="NormGroups"/> and of 4.</summary>
    public int Channels { get; init; } = 256;

    /// <summary>The layers of the tower (<c>NUM_CONVS</c>).</summary>
    public int Layers { get; init; } = 6;

    /// <summary>The groups of the group norms.</summary>
    public int NormGroups { get; init; } = 16;

    /// <summary>Whether image and text attend to each other in every layer (<c>EARLY_FUSE_ON</c>); GLIP-T(A) does without.</summary>
    public bool EarlyFusion { get; init; } = true;

    /// <summary>Whether the text that pixels are compared with is the tower's, not the encoder's (<c>USE_FUSED_FEATURES_DOT_PRODUCT</c>).</summary>
    public bool FusedDotProduct { get; init; } = true;

    /// <summary>The heads of the fusion.</summary>
    public int FusionHeads { get; init; } = 8;

    /// <summary>The width of all heads of the fusion together; a multiple of <see cref="FusionHeads"/>.</summary>
    public int FusionWidth { get; init; } = 2048;

    /// <summary>Whether the largest of all scores is subtracted before they are clamped (<c>STABLE_SOFTMAX_2D</c>).</summary>
    public bool StableSoftmax { get; init; }

    /// <summary>Scores, logits and the activations of the text layers are clamped to ± this; infinity where the flags are off.</summary>
    public double Clamp { get; init; } = 50000;

    /// <summary>Whether there is a learned offset to the text encoder's output (<c>ADD_LINEAR_LAYER</c>, GLIP's prompt tuning v2).</summary>
    public bool HasPromptOffset { get; init; }

    /// <summary>Whether the last text layer exists: without a fused dot product nothing reads what it computes.</summary>
    internal bool HasTextLayer(int layer) => EarlyFusion && (layer < Layers - 1 || FusedDotProduct);

    internal void Validate()
    {
        GlipConfig.Positive(
            ("channels", Channels), ("num_convs", Layers), ("gn_groups", NormGroups), ("vlfuse_heads", FusionHeads), ("vlfuse_embed_dim", FusionWidth));
        if (Channels % NormGroups != 0 || Channels % 4 != 0)
            throw new ArgumentException($"channels {Channels} is not a multiple of gn_groups {NormGroups} and of 4");
        if (FusionWidth % FusionHeads != 0)
            throw new ArgumentException($"vlfuse_embed_dim {FusionWidth} is not a multiple of vlfuse_heads {FusionHeads}");
        if (!(Clamp > 0)) throw new ArgumentException($"clamp is {Clamp}, but must be above 0");
    }
}
