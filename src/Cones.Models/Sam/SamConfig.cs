using Cones.Models.Configuration;

namespace Cones.Models.Sam;

/// <summary>The shape of a SAM model (<c>SamConfig</c> of transformers); the defaults are ViT-B.</summary>
public sealed record SamConfig
{
    /// <summary>The image encoder.</summary>
    public SamVisionConfig Vision { get; init; } = new();

    /// <summary>The prompt encoder.</summary>
    public SamPromptEncoderConfig PromptEncoder { get; init; } = new();

    /// <summary>The mask decoder.</summary>
    public SamMaskDecoderConfig MaskDecoder { get; init; } = new();

    /// <summary>The published ViT-B: 12 layers of width 768.</summary>
    public static SamConfig Base { get; } = new();

    /// <summary>The published ViT-L: 24 layers of width 1024.</summary>
    public static SamConfig Large { get; } = new()
    {
        Vision = new SamVisionConfig { HiddenSize = 1024, MlpDim = 4096, NumHiddenLayers = 24, NumAttentionHeads = 16, GlobalAttnIndexes = [5, 11, 17, 23] },
    };

    /// <summary>The published ViT-H: 32 layers of width 1280.</summary>
    public static SamConfig Huge { get; } = new()
    {
        Vision = new SamVisionConfig { HiddenSize = 1280, MlpDim = 5120, NumHiddenLayers = 32, NumAttentionHeads = 16, GlobalAttnIndexes = [7, 15, 23, 31] },
    };

    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="ConesException">The file is missing, broken, or describes an impossible model.</exception>
    public static SamConfig FromFile(string path)
    {
        var json = ConfigReader.Open(path);
        var config = new SamConfig
        {
            Vision = SamVisionConfig.FromJson(json.Child("vision_config")),
            PromptEncoder = SamPromptEncoderConfig.FromJson(json.Child("prompt_encoder_config")),
            MaskDecoder = SamMaskDecoderConfig.FromJson(json.Child("mask_decoder_config")),
        };
        try
        {
            config.Validate();
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{path} is no usable SAM configuration: {e.Message}", e);
        }

        return config;
    }

    /// <summary>Checks that the parts can exist and fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message holds the numbers.</exception>
    public void Validate()
    {
        Vision.Validate();
        PromptEncoder.Validate();
        MaskDecoder.Validate();
        Equal("vision output_channels", Vision.OutputChannels, "mask decoder hidden_size", MaskDecoder.HiddenSize);
        Equal("prompt encoder hidden_size", PromptEncoder.HiddenSize, "mask decoder hidden_size", MaskDecoder.HiddenSize);
        Equal("twice num_pos_feats", 2 * Vision.NumPosFeats, "prompt encoder hidden_size", PromptEncoder.HiddenSize);
        Equal("prompt encoder image_size", PromptEncoder.ImageSize, "vision image_size", Vision.ImageSize);
        Equal("prompt encoder patch_size", PromptEncoder.PatchSize, "vision patch_size", Vision.PatchSize);

        static void Equal(string name, int value, string otherName, int other)
        {
            if (value != other) throw new ArgumentException($"{name} {value} differs from {otherName} {other}");
        }
    }
}
