using Cones.Models.Configuration;

namespace Cones.Models.Sam3;

/// <summary>The shape of one of SAM 3's small transformers: geometry encoder, DETR encoder, DETR decoder.</summary>
public sealed record Sam3LayersConfig
{
    /// <summary>The width C of the tokens.</summary>
    public int HiddenSize { get; init; } = 256;

    /// <summary>The number of layers.</summary>
    public int NumLayers { get; init; } = 6;

    /// <summary>The number of attention heads; divides <see cref="HiddenSize"/>.</summary>
    public int NumAttentionHeads { get; init; } = 8;

    /// <summary>The width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 2048;

    /// <summary>The activation of the feed-forward layers.</summary>
    public string HiddenAct { get; init; } = "relu";

    /// <summary>Checks that layers of this shape can exist.</summary>
    /// <param name="part">The name of the part, for messages.</param>
    /// <exception cref="ArgumentException">They cannot; the message holds the numbers.</exception>
    public void Validate(string part)
    {
        Sam3Checks.Positive(
            ($"{part} hidden_size", HiddenSize),
            ($"{part} num_layers", NumLayers),
            ($"{part} num_attention_heads", NumAttentionHeads),
            ($"{part} intermediate_size", IntermediateSize));
        Sam3Checks.Multiple($"{part} hidden_size", HiddenSize, "num_attention_heads", NumAttentionHeads);
        Sam3Checks.Activation(part, HiddenAct);
    }

    /// <summary>Reads a part's configuration; null means <paramref name="defaults"/>.</summary>
    internal static Sam3LayersConfig FromJson(ConfigReader? json, Sam3LayersConfig defaults) => json is null ? defaults : new Sam3LayersConfig
    {
        HiddenSize = json.Int("hidden_size", defaults.HiddenSize),
        NumLayers = json.Int("num_layers", defaults.NumLayers),
        NumAttentionHeads = json.Int("num_attention_heads", defaults.NumAttentionHeads),
        IntermediateSize = json.Int("intermediate_size", defaults.IntermediateSize),
        HiddenAct = json.Text("hidden_act", defaults.HiddenAct),
    };
}
