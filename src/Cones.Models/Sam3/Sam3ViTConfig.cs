using Cones.Models.Configuration;

namespace Cones.Models.Sam3;

/// <summary>The shape of SAM 3's vision transformer; the defaults are those of <c>Sam3ViTConfig</c> in transformers.</summary>
public sealed record Sam3ViTConfig
{
    /// <summary>The width D of the tokens.</summary>
    public int HiddenSize { get; init; } = 1024;

    /// <summary>The width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 4736;

    /// <summary>The number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 32;

    /// <summary>The number of attention heads; a head's width is a multiple of 4.</summary>
    public int NumAttentionHeads { get; init; } = 16;

    /// <summary>Channels of the image.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>The side of the square image, in pixels.</summary>
    public int ImageSize { get; init; } = 1008;

    /// <summary>The side of a patch, in pixels.</summary>
    public int PatchSize { get; init; } = 14;

    /// <summary>The activation of the feed-forward layers.</summary>
    public string HiddenAct { get; init; } = "gelu";

    /// <summary>The epsilon of the layer norms.</summary>
    public double LayerNormEps { get; init; } = 1e-6;

    /// <summary>The base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>The side of the attention windows, in tokens.</summary>
    public int WindowSize { get; init; } = 24;

    /// <summary>The layers with global attention; further indices have no meaning, as in transformers.</summary>
    public IReadOnlyList<int> GlobalAttnIndexes { get; init; } = [7, 15, 23, 31];

    /// <summary>The side of the images that the position table was made for; larger grids repeat it.</summary>
    public int PretrainImageSize { get; init; } = 336;

    /// <summary>The side of the grid of tokens; pixels behind the last whole patch are not seen.</summary>
    public int GridSize => ImageSize / PatchSize;

    /// <summary>Whether a layer attends to the whole grid.</summary>
    public bool IsGlobal(int layer) => WindowSize == 0 || GlobalAttnIndexes.Contains(layer);

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        Sam3Checks.Positive(
            ("hidden_size", HiddenSize),
            ("intermediate_size", IntermediateSize),
            ("num_hidden_layers", NumHiddenLayers),
            ("num_attention_heads", NumAttentionHeads),
            ("num_channels", NumChannels),
            ("image_size", ImageSize),
            ("patch_size", PatchSize),
            ("pretrain_image_size / patch_size", PretrainImageSize / Math.Max(PatchSize, 1)));
        Sam3Checks.Multiple("hidden_size", HiddenSize, "4 num_attention_heads =", 4 * NumAttentionHeads);
        if (PatchSize > ImageSize) throw new ArgumentException($"patch_size {PatchSize} is larger than image_size {ImageSize}");
        Sam3Checks.Activation("vision", HiddenAct);
        if (!(LayerNormEps > 0)) throw new ArgumentException($"layer_norm_eps is {LayerNormEps}, but must be above 0");
        if (!(RopeTheta > 0)) throw new ArgumentException($"rope_theta is {RopeTheta}, but must be above 0");
        if (WindowSize < 0) throw new ArgumentException($"window_size is {WindowSize}, but must be at least 0");
    }

    /// <summary>Reads <c>backbone_config</c>; null means the defaults.</summary>
    internal static Sam3ViTConfig FromJson(ConfigReader? json)
    {
        var defaults = new Sam3ViTConfig();
        if (json is null) return defaults;
        json.RequireOneOf("model_type", "\"sam3_vit_model\"");
        var rope = json.Child("rope_parameters");
        rope?.RequireOneOf("rope_type", "\"axial\"", "\"default\"");
        return new Sam3ViTConfig
        {
            HiddenSize = json.Int("hidden_size", defaults.HiddenSize),
            IntermediateSize = json.Int("intermediate_size", defaults.IntermediateSize),
            NumHiddenLayers = json.Int("num_hidden_layers", defaults.NumHiddenLayers),
            NumAttentionHeads = json.Int("num_attention_heads", defaults.NumAttentionHeads),
            NumChannels = json.Int("num_channels", defaults.NumChannels),
            ImageSize = Side(json, "image_size", defaults.ImageSize),
            PatchSize = Side(json, "patch_size", defaults.PatchSize),
            HiddenAct = json.Text("hidden_act", defaults.HiddenAct),
            LayerNormEps = json.Double("layer_norm_eps", defaults.LayerNormEps),
            RopeTheta = (rope ?? json).Double("rope_theta", defaults.RopeTheta),
            WindowSize = json.Int("window_size", defaults.WindowSize),
            GlobalAttnIndexes = json.Ints("global_attn_indexes", defaults.GlobalAttnIndexes),
            PretrainImageSize = Side(json, "pretrain_image_size", defaults.PretrainImageSize),
        };
    }

    // A number, or height and width, which must be equal: the rotary positions are those of a square.
    static int Side(ConfigReader json, string name, int fallback)
    {
        var sides = json.IntsPerLevel(name, 2, fallback);
        return sides[0] == sides[1] ? sides[0] : throw new ConesException($"{json.Path}: {name} = {sides[0]} x {sides[1]} is not supported, it must be a square");
    }
}
