using System.Text.Json;
using Cones.Models.Clip;
using Cones.Models.Configuration;

namespace Cones.Models.Sam3;

/// <summary>The shape of SAM 3's image model (<c>Sam3Config</c> of transformers); the defaults are facebook/sam3.</summary>
public sealed record Sam3Config
{
    /// <summary>The image encoder.</summary>
    public Sam3VisionConfig Vision { get; init; } = new();

    /// <summary>The text encoder.</summary>
    public ClipTextConfig Text { get; init; } = new()
    {
        HiddenSize = 1024,
        IntermediateSize = 4096,
        NumHiddenLayers = 24,
        NumAttentionHeads = 16,
        MaxPositionEmbeddings = 32,
        HiddenAct = "gelu",
    };

    /// <summary>The encoder of box prompts.</summary>
    public Sam3LayersConfig GeometryEncoder { get; init; } = new() { NumLayers = 3 };

    /// <summary>The side of what is cut out for a box prompt.</summary>
    public int RoiSize { get; init; } = 7;

    /// <summary>The encoder that fuses image and prompt.</summary>
    public Sam3LayersConfig DetrEncoder { get; init; } = new();

    /// <summary>The decoder of object queries.</summary>
    public Sam3LayersConfig DetrDecoder { get; init; } = new();

    /// <summary>The object queries Q.</summary>
    public int NumQueries { get; init; } = 200;

    /// <summary>The width of the mask decoder.</summary>
    public int MaskHiddenSize { get; init; } = 256;

    /// <summary>The attention heads of the mask decoder.</summary>
    public int MaskNumAttentionHeads { get; init; } = 8;

    /// <summary>The convolutions of the mask decoder; one less than the levels is used, further ones are weights without effect.</summary>
    public int NumUpsamplingStages { get; init; } = 3;

    /// <summary>Reads <c>config.json</c> of the image model, or of the video model, whose detector it is.</summary>
    /// <exception cref="ConesException">The file is missing, broken, or describes an impossible model.</exception>
    public static Sam3Config FromFile(string path)
    {
        var root = ConfigReader.Open(path);
        var json = root.Child("detector_config") ?? root;
        var defaults = new Sam3Config();
        var (geometry, decoder, masks) = (json.Child("geometry_encoder_config"), json.Child("detr_decoder_config"), json.Child("mask_decoder_config"));
        try
        {
            var config = new Sam3Config
            {
                Vision = Sam3VisionConfig.FromJson(json.Child("vision_config")),
                Text = json.Child("text_config") is { } text ? ClipTextConfig.Read(text) : defaults.Text,
                GeometryEncoder = Sam3LayersConfig.FromJson(geometry, defaults.GeometryEncoder),
                RoiSize = geometry?.Int("roi_size", defaults.RoiSize) ?? defaults.RoiSize,
                DetrEncoder = Sam3LayersConfig.FromJson(json.Child("detr_encoder_config"), defaults.DetrEncoder),
                DetrDecoder = Sam3LayersConfig.FromJson(decoder, defaults.DetrDecoder),
                NumQueries = decoder?.Int("num_queries", defaults.NumQueries) ?? defaults.NumQueries,
                MaskHiddenSize = masks?.Int("hidden_size", defaults.MaskHiddenSize) ?? defaults.MaskHiddenSize,
                MaskNumAttentionHeads = masks?.Int("num_attention_heads", defaults.MaskNumAttentionHeads) ?? defaults.MaskNumAttentionHeads,
                NumUpsamplingStages = masks?.Int("num_upsampling_stages", defaults.NumUpsamplingStages) ?? defaults.NumUpsamplingStages,
            };
            config.Validate();
            return config;
        }
        catch (Exception e) when (e is ArgumentException or JsonException or InvalidOperationException)
        {
            throw new ConesException($"{path} is no usable SAM 3 configuration: {e.Message}", e);
        }
    }

    /// <summary>Checks that the parts can exist and fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message holds the numbers.</exception>
    public void Validate()
    {
        Vision.Validate();
        Text.Validate();
        GeometryEncoder.Validate("geometry encoder");
        DetrEncoder.Validate("DETR encoder");
        DetrDecoder.Validate("DETR decoder");
        Sam3Checks.Positive(
            ("roi_size", RoiSize), ("num_queries", NumQueries), ("mask decoder num_attention_heads", MaskNumAttentionHeads), ("num_upsampling_stages", NumUpsamplingStages));
        var width = DetrEncoder.HiddenSize;
        Sam3Checks.Equal("fpn_hidden_size", Vision.FpnHiddenSize, "DETR encoder hidden_size", width);
        Sam3Checks.Equal("geometry encoder hidden_size", GeometryEncoder.HiddenSize, "DETR encoder hidden_size", width);
        Sam3Checks.Equal("DETR decoder hidden_size", DetrDecoder.HiddenSize, "DETR encoder hidden_size", width);
        Sam3Checks.Equal("mask decoder hidden_size", MaskHiddenSize, "DETR encoder hidden_size", width);
        Sam3Checks.Multiple("mask decoder hidden_size", MaskHiddenSize, "num_attention_heads", MaskNumAttentionHeads);
        Sam3Checks.Multiple("mask decoder hidden_size", MaskHiddenSize, "the groups of its norms,", 8);
        if (NumUpsamplingStages < Vision.ScaleFactors.Count - 2)
            throw new ArgumentException($"num_upsampling_stages is {NumUpsamplingStages}, but {Vision.ScaleFactors.Count - 1} levels need {Vision.ScaleFactors.Count - 2}");
    }
}
