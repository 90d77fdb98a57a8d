using Cones.Models.Configuration;

namespace Cones.Models.Sam;

/// <summary>The shape of SAM's prompt encoder; the defaults are those of <c>SamPromptEncoderConfig</c> in transformers.</summary>
public sealed record SamPromptEncoderConfig
{
    /// <summary>The width C of the prompt embeddings.</summary>
    public int HiddenSize { get; init; } = 256;

    /// <summary>The side of the square image that coordinates refer to, in pixels.</summary>
    public int ImageSize { get; init; } = 1024;

    /// <summary>The side of a patch, in pixels.</summary>
    public int PatchSize { get; init; } = 16;

    /// <summary>The channels between the second and the third convolution of a mask prompt; a quarter of them, rounded down, before the second.</summary>
    public int MaskInputChannels { get; init; } = 16;

    /// <summary>The kinds of points: background, foreground, upper left and lower right corner.</summary>
    public int NumPointEmbeddings { get; init; } = 4;

    /// <summary>The activation of a mask prompt's layers.</summary>
    public string HiddenAct { get; init; } = "gelu";

    /// <summary>The epsilon of the layer norms.</summary>
    public double LayerNormEps { get; init; } = 1e-6;

    /// <summary>The side of a mask prompt, in pixels: four times the grid of tokens.</summary>
    public int MaskSize => 4 * (ImageSize / PatchSize);

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        SamChecks.Positive(
            ("hidden_size", HiddenSize),
            ("image_size", ImageSize),
            ("patch_size", PatchSize));
        if (MaskInputChannels < 4) throw new ArgumentException($"mask_input_channels is {MaskInputChannels}, but must be at least 4");
        SamChecks.Epsilon(LayerNormEps);
        SamChecks.Activation(HiddenAct);
        if (NumPointEmbeddings < 4) throw new ArgumentException($"num_point_embeddings is {NumPointEmbeddings}, but points and box corners need 4");
    }

    /// <summary>Reads <c>prompt_encoder_config</c>; null means the defaults.</summary>
    internal static SamPromptEncoderConfig FromJson(ConfigReader? json)
    {
        var defaults = new SamPromptEncoderConfig();
        return json is null ? defaults : new SamPromptEncoderConfig
        {
            HiddenSize = json.Int("hidden_size", defaults.HiddenSize),
            ImageSize = json.Int("image_size", defaults.ImageSize),
            PatchSize = json.Int("patch_size", defaults.PatchSize),
            MaskInputChannels = json.Int("mask_input_channels", defaults.MaskInputChannels),
            NumPointEmbeddings = json.Int("num_point_embeddings", defaults.NumPointEmbeddings),
            HiddenAct = json.Text("hidden_act", defaults.HiddenAct),
            LayerNormEps = json.Double("layer_norm_eps", defaults.LayerNormEps),
        };
    }
}
