using Cones.Models.Configuration;

namespace Cones.Models.Sam;

/// <summary>The shape of SAM's image encoder; the defaults are those of <c>SamVisionConfig</c> in transformers (ViT-B).</summary>
public sealed record SamVisionConfig
{
    /// <summary>The width D of the tokens.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>The channels of the image embedding.</summary>
    public int OutputChannels { get; init; } = 256;

    /// <summary>The number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>The number of attention heads; divides <see cref="HiddenSize"/>.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <summary>Channels of the image.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>The side of the square image, in pixels.</summary>
    public int ImageSize { get; init; } = 1024;

    /// <summary>The side of a patch, in pixels.</summary>
    public int PatchSize { get; init; } = 16;

    /// <summary>The activation of the feed-forward layers.</summary>
    public string HiddenAct { get; init; } = "gelu";

    /// <summary>The epsilon of the layer norms.</summary>
    public double LayerNormEps { get; init; } = 1e-6;

    /// <summary>Whether queries, keys and values have a bias.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>Whether a learned position is added to every token.</summary>
    public bool UseAbsPos { get; init; } = true;

    /// <summary>Whether attention has decomposed relative positions.</summary>
    public bool UseRelPos { get; init; } = true;

    /// <summary>The side of the attention windows, in tokens; 0 for global attention in every layer.</summary>
    public int WindowSize { get; init; } = 14;

    /// <summary>The layers with global attention; further indices have no meaning, as in transformers.</summary>
    public IReadOnlyList<int> GlobalAttnIndexes { get; init; } = [2, 5, 8, 11];

    /// <summary>The frequencies of the random position encoding: half of its width.</summary>
    public int NumPosFeats { get; init; } = 128;

    /// <summary>The width of the feed-forward layers.</summary>
    public int MlpDim { get; init; } = 3072;

    /// <summary>The side of the grid of tokens; pixels behind the last whole patch are not seen.</summary>
    public int GridSize => ImageSize / PatchSize;

    /// <summary>The side of the attention window of a layer: the whole grid for a global layer.</summary>
    public int WindowOf(int layer) => WindowSize == 0 || GlobalAttnIndexes.Contains(layer) ? GridSize : WindowSize;

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        SamChecks.Positive(
            ("hidden_size", HiddenSize),
            ("output_channels", OutputChannels),
            ("num_hidden_layers", NumHiddenLayers),
            ("num_attention_heads", NumAttentionHeads),
            ("num_channels", NumChannels),
            ("image_size", ImageSize),
            ("patch_size", PatchSize),
            ("num_pos_feats", NumPosFeats),
            ("mlp_dim", MlpDim));
        SamChecks.Multiple("hidden_size", HiddenSize, "num_attention_heads", NumAttentionHeads);
        if (PatchSize > ImageSize) throw new ArgumentException($"patch_size {PatchSize} is larger than image_size {ImageSize}");
        SamChecks.Epsilon(LayerNormEps);
        SamChecks.Activation(HiddenAct);
        if (WindowSize < 0) throw new ArgumentException($"window_size is {WindowSize}, but must be at least 0");
    }

    /// <summary>Reads <c>vision_config</c>; null means the defaults.</summary>
    internal static SamVisionConfig FromJson(ConfigReader? json)
    {
        var defaults = new SamVisionConfig();
        if (json is null) return defaults;
        var hidden = json.Int("hidden_size", defaults.HiddenSize);
        return new SamVisionConfig
        {
            HiddenSize = hidden,
            OutputChannels = json.Int("output_channels", defaults.OutputChannels),
            NumHiddenLayers = json.Int("num_hidden_layers", defaults.NumHiddenLayers),
            NumAttentionHeads = json.Int("num_attention_heads", defaults.NumAttentionHeads),
            NumChannels = json.Int("num_channels", defaults.NumChannels),
            ImageSize = json.Int("image_size", defaults.ImageSize),
            PatchSize = json.Int("patch_size", defaults.PatchSize),
            HiddenAct = json.Text("hidden_act", defaults.HiddenAct),
            LayerNormEps = json.Double("layer_norm_eps", defaults.LayerNormEps),
            QkvBias = json.Bool("qkv_bias", defaults.QkvBias),
            UseAbsPos = json.Bool("use_abs_pos", defaults.UseAbsPos),
            UseRelPos = json.Bool("use_rel_pos", defaults.UseRelPos),
            WindowSize = json.Int("window_size", defaults.WindowSize),
            GlobalAttnIndexes = json.Ints("global_attn_indexes", defaults.GlobalAttnIndexes),
            NumPosFeats = json.Int("num_pos_feats", defaults.NumPosFeats),
            MlpDim = json.Int("mlp_dim", (int)(hidden * json.Double("mlp_ratio", 4))),
        };
    }
}
