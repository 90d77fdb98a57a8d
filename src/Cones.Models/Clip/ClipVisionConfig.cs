using Cones.Models.Configuration;

namespace Cones.Models.Clip;

/// <summary>The shape of a CLIP vision tower; the defaults are those of <c>CLIPVisionConfig</c> in transformers.</summary>
public sealed record ClipVisionConfig
{
    /// <summary>The width D of the hidden states.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>The width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 3072;

    /// <summary>The width P of the joint space; used by models with a projection only.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>The number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>The number of attention heads; divides <see cref="HiddenSize"/>.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <summary>The number of colour channels.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>The height and width of the image in pixels.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>The height and width of a patch in pixels.</summary>
    public int PatchSize { get; init; } = 32;

    /// <summary>The activation of the feed-forward layers: <c>quick_gelu</c> (OpenAI) or <c>gelu</c> (OpenCLIP).</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>The epsilon of the layer norms.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>The number of patches of an image; pixels beyond the last whole patch are not seen.</summary>
    public int PatchCount => ImageSize / PatchSize * (ImageSize / PatchSize);

    /// <summary>Reads <c>config.json</c> of a vision tower or, from its <c>vision_config</c>, of a joint model.</summary>
    /// <exception cref="ConesException">The file is missing, no JSON, or describes an impossible model.</exception>
    public static ClipVisionConfig Read(string path) => Read(ConfigReader.Open(path));

    /// <summary>As the other overload, of a file that is open.</summary>
    /// <exception cref="ConesException">A value has the wrong type, or the values describe an impossible model.</exception>
    public static ClipVisionConfig Read(ConfigReader json)
    {
        var part = ClipTowers.IsJoint(json) ? ClipTowers.Part(json, "vision_config") : json;
        var defaults = new ClipVisionConfig();
        var config = new ClipVisionConfig
        {
            HiddenSize = part.Int("hidden_size", defaults.HiddenSize),
            IntermediateSize = part.Int("intermediate_size", defaults.IntermediateSize),
            ProjectionDim = part.Int("projection_dim", defaults.ProjectionDim),
            NumHiddenLayers = part.Int("num_hidden_layers", defaults.NumHiddenLayers),
            NumAttentionHeads = part.Int("num_attention_heads", defaults.NumAttentionHeads),
            NumChannels = part.Int("num_channels", defaults.NumChannels),
            ImageSize = part.Int("image_size", defaults.ImageSize),
            PatchSize = part.Int("patch_size", defaults.PatchSize),
            HiddenAct = part.Text("hidden_act", defaults.HiddenAct),
            LayerNormEps = part.Double("layer_norm_eps", defaults.LayerNormEps),
        };
        return ClipTowers.Checked(json, config, c => c.Validate());
    }

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        ClipTowers.Positive(
            ("hidden_size", HiddenSize),
            ("intermediate_size", IntermediateSize),
            ("projection_dim", ProjectionDim),
            ("num_hidden_layers", NumHiddenLayers),
            ("num_attention_heads", NumAttentionHeads),
            ("num_channels", NumChannels),
            ("image_size", ImageSize),
            ("patch_size", PatchSize));
        if (PatchSize > ImageSize) throw new ArgumentException($"patch_size {PatchSize} is larger than image_size {ImageSize}");
        ClipTowers.Encoder(HiddenSize, NumAttentionHeads, LayerNormEps, HiddenAct);
    }
}
