using Cones.Models.Configuration;

namespace Cones.Models.Sam;

/// <summary>The shape of SAM's mask decoder; the defaults are those of <c>SamMaskDecoderConfig</c> in transformers.</summary>
public sealed record SamMaskDecoderConfig
{
    /// <summary>The width C of tokens and image embedding, at least 8.</summary>
    public int HiddenSize { get; init; } = 256;

    /// <summary>The activation of the feed-forward layers.</summary>
    public string HiddenAct { get; init; } = "relu";

    /// <summary>The width of the feed-forward layers.</summary>
    public int MlpDim { get; init; } = 2048;

    /// <summary>The number of two-way layers.</summary>
    public int NumHiddenLayers { get; init; } = 2;

    /// <summary>The number of attention heads.</summary>
    public int NumAttentionHeads { get; init; } = 8;

    /// <summary>How many times narrower cross-attention is than <see cref="HiddenSize"/>.</summary>
    public int AttentionDownsampleRate { get; init; } = 2;

    /// <summary>The masks of an ambiguous prompt; one further mask is for unambiguous ones.</summary>
    public int NumMultimaskOutputs { get; init; } = 3;

    /// <summary>The layers of the head that predicts the masks' IoU; it has two at least, whatever this says, as in transformers.</summary>
    public int IouHeadDepth { get; init; } = 3;

    /// <summary>The width of that head.</summary>
    public int IouHeadHiddenDim { get; init; } = 256;

    /// <summary>The epsilon of the layers' norms.</summary>
    public double LayerNormEps { get; init; } = 1e-6;

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        SamChecks.Positive(
            ("hidden_size", HiddenSize),
            ("mlp_dim", MlpDim),
            ("num_hidden_layers", NumHiddenLayers),
            ("num_attention_heads", NumAttentionHeads),
            ("attention_downsample_rate", AttentionDownsampleRate),
            ("num_multimask_outputs", NumMultimaskOutputs),
            ("iou_head_depth", IouHeadDepth),
            ("iou_head_hidden_dim", IouHeadHiddenDim));
        SamChecks.Multiple("hidden_size", HiddenSize, "num_attention_heads", NumAttentionHeads);
        SamChecks.Multiple("hidden_size / attention_downsample_rate", HiddenSize / AttentionDownsampleRate, "num_attention_heads", NumAttentionHeads);
        SamChecks.Epsilon(LayerNormEps);
        SamChecks.Activation(HiddenAct);
        if (HiddenSize / AttentionDownsampleRate == 0) throw new ArgumentException($"attention_downsample_rate {AttentionDownsampleRate} leaves nothing of hidden_size {HiddenSize}");
        if (HiddenSize < 8) throw new ArgumentException($"hidden_size is {HiddenSize}, but must be at least 8");
    }

    /// <summary>Reads <c>mask_decoder_config</c>; null means the defaults.</summary>
    internal static SamMaskDecoderConfig FromJson(ConfigReader? json)
    {
        var defaults = new SamMaskDecoderConfig();
        return json is null ? defaults : new SamMaskDecoderConfig
        {
            HiddenSize = json.Int("hidden_size", defaults.HiddenSize),
            HiddenAct = json.Text("hidden_act", defaults.HiddenAct),
            MlpDim = json.Int("mlp_dim", defaults.MlpDim),
            NumHiddenLayers = json.Int("num_hidden_layers", defaults.NumHiddenLayers),
            NumAttentionHeads = json.Int("num_attention_heads", defaults.NumAttentionHeads),
            AttentionDownsampleRate = json.Int("attention_downsample_rate", defaults.AttentionDownsampleRate),
            NumMultimaskOutputs = json.Int("num_multimask_outputs", defaults.NumMultimaskOutputs),
            IouHeadDepth = json.Int("iou_head_depth", defaults.IouHeadDepth),
            IouHeadHiddenDim = json.Int("iou_head_hidden_dim", defaults.IouHeadHiddenDim),
            LayerNormEps = json.Double("layer_norm_eps", defaults.LayerNormEps),
        };
    }
}
