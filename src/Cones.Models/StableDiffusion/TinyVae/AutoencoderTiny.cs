using Cones.Models.Configuration;
using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.TinyVae;

/// <summary>The configuration of an <see cref="AutoencoderTiny"/>, with diffusers' names and defaults.</summary>
public sealed record AutoencoderTinyConfig
{
    static readonly Dictionary<string, InterpolationMode> s_upsampling = new()
    {
        ["nearest"] = InterpolationMode.Nearest,
        ["nearest-exact"] = InterpolationMode.NearestExact,
        ["bilinear"] = InterpolationMode.Bilinear,
        ["bicubic"] = InterpolationMode.Bicubic,
    };

    /// <summary>Channels of the image.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the decoded image.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Channels of the latent.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Channels of the encoder's levels.</summary>
    public IReadOnlyList<int> EncoderBlockOutChannels { get; init; } = [64, 64, 64, 64];

    /// <summary>Channels of the decoder's levels.</summary>
    public IReadOnlyList<int> DecoderBlockOutChannels { get; init; } = [64, 64, 64, 64];

    /// <summary>Blocks a level of the encoder.</summary>
    public IReadOnlyList<int> NumEncoderBlocks { get; init; } = [1, 3, 3, 3];

    /// <summary>Blocks a level of the decoder.</summary>
    public IReadOnlyList<int> NumDecoderBlocks { get; init; } = [3, 3, 3, 1];

    /// <summary>The activation function of encoder and decoder (a block's last one is always ReLU).</summary>
    public string ActFn { get; init; } = "relu";

    /// <summary>Half of the range of latents that <see cref="AutoencoderTiny.ScaleLatents"/> maps to [0, 1].</summary>
    public double LatentMagnitude { get; init; } = 3;

    /// <summary>Shift of <see cref="AutoencoderTiny.ScaleLatents"/>.</summary>
    public double LatentShift { get; init; } = 0.5;

    /// <summary>What the UNet's latents are divided by before they are decoded.</summary>
    public double ScalingFactor { get; init; } = 1;

    /// <summary>How much an up-sampler enlarges.</summary>
    public int UpsamplingScalingFactor { get; init; } = 2;

    /// <summary>How an up-sampler enlarges.</summary>
    public InterpolationMode Upsampling { get; init; } = InterpolationMode.Nearest;

    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="ConesException">The file is broken or asks for something that is not implemented.</exception>
    public static AutoencoderTinyConfig FromFile(string path)
    {
        var json = ConfigReader.Open(path);
        json.RequireOneOf("upsample_fn", [.. s_upsampling.Keys.Select(k => $"\"{k}\"")]);
        return new AutoencoderTinyConfig
        {
            InChannels = json.Int("in_channels", 3),
            OutChannels = json.Int("out_channels", 3),
            LatentChannels = json.Int("latent_channels", 4),
            EncoderBlockOutChannels = json.Ints("encoder_block_out_channels", [64, 64, 64, 64]),
            DecoderBlockOutChannels = json.Ints("decoder_block_out_channels", [64, 64, 64, 64]),
            NumEncoderBlocks = json.Ints("num_encoder_blocks", [1, 3, 3, 3]),
            NumDecoderBlocks = json.Ints("num_decoder_blocks", [3, 3, 3, 1]),
            ActFn = json.Text("act_fn", "relu"),
            LatentMagnitude = json.Double("latent_magnitude", 3),
            LatentShift = json.Double("latent_shift", 0.5),
            ScalingFactor = json.Double("scaling_factor", 1),
            UpsamplingScalingFactor = json.Int("upsampling_scaling_factor", 2),
            Upsampling = s_upsampling[json.Text("upsample_fn", "nearest")],
        };
    }

    /// <summary>Checks that the numbers fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message says which.</exception>
    public void Validate()
    {
        if (EncoderBlockOutChannels.Count != NumEncoderBlocks.Count)
            throw new ArgumentException($"num_encoder_blocks has {NumEncoderBlocks.Count} entries, encoder_block_out_channels has {EncoderBlockOutChannels.Count}");
        if (DecoderBlockOutChannels.Count != NumDecoderBlocks.Count)
            throw new ArgumentException($"num_decoder_blocks has {NumDecoderBlocks.Count} entries, decoder_block_out_channels has {DecoderBlockOutChannels.Count}");
    }
}

/// <summary>The small distilled autoencoder for previews (TAESD), as diffusers' <c>AutoencoderTiny</c>.</summary>
public sealed class AutoencoderTiny : Module
{
    readonly TinyStack _encoder;
    readonly TinyStack _decoder;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public AutoencoderTiny(AutoencoderTinyConfig config)
    {
        config.Validate();
        Config = config;
        _encoder = Add("encoder", TinyStack.Encoder(config));
        _decoder = Add("decoder", TinyStack.Decoder(config));
    }

    /// <summary>The configuration.</summary>
    public AutoencoderTinyConfig Config { get; }

    /// <summary>Loads a folder with <c>config.json</c> and weights.</summary>
    public static AutoencoderTiny FromFolder(string folder, LoadOptions? options = null)
    {
        var model = new AutoencoderTiny(AutoencoderTinyConfig.FromFile(Path.Combine(folder, "config.json")));
        using var checkpoint = Checkpoint.Open(folder);
        ModelLoader.Load(model, checkpoint, options);
        model.ToChannelsLast();
        return model;
    }

    /// <summary>Maps pixels [B, 3, H, W] in [-1, 1] to latents [B, C, h, w] as the UNet sees them.</summary>
    /// <exception cref="ArgumentException">The shape does not fit.</exception>
    public Tensor Encode(Tensor pixels)
    {
        if (pixels.dim() != 4 || pixels.shape[1] != Config.InChannels)
            throw new ArgumentException($"pixels have shape [{string.Join(",", pixels.shape)}], [B,{Config.InChannels},H,W] expected", nameof(pixels));
        using var scope = NewDisposeScope();
        return _encoder.Forward((pixels + 1) / 2).MoveToOuterDisposeScope();
    }

    /// <summary>Maps latents [B, C, h, w] to pixels [B, 3, H, W], about [-1, 1].</summary>
    /// <exception cref="ArgumentException">The shape does not fit.</exception>
    public Tensor Decode(Tensor latents)
    {
        if (latents.dim() != 4 || latents.shape[1] != Config.LatentChannels)
            throw new ArgumentException($"latents have shape [{string.Join(",", latents.shape)}], [B,{Config.LatentChannels},h,w] expected", nameof(latents));
        using var scope = NewDisposeScope();
        return ((2 * _decoder.Forward(3 * (latents / 3).tanh())) - 1).MoveToOuterDisposeScope();
    }

    /// <summary>Maps latents to [0, 1], to be stored as a picture.</summary>
    public Tensor ScaleLatents(Tensor latents)
    {
        using var scope = NewDisposeScope();
        return ((latents / (2 * Config.LatentMagnitude)) + Config.LatentShift).clamp(0, 1).MoveToOuterDisposeScope();
    }
}
