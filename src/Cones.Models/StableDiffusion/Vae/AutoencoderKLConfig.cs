using Cones.Models.Configuration;

namespace Cones.Models.StableDiffusion.Vae;

/// <summary>The configuration of an <see cref="AutoencoderKL"/>, with diffusers' names and defaults.</summary>
public sealed record AutoencoderKLConfig
{
    /// <summary>Channels of the image.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the decoded image.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Channels of the latent.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Channels a level, from the finest.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [64];

    /// <summary>ResNet blocks a level of the encoder (the decoder has one more).</summary>
    public int LayersPerBlock { get; init; } = 1;

    /// <summary>Groups of every group normalisation.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>The activation function.</summary>
    public string ActFn { get; init; } = "silu";

    /// <summary>What a latent is multiplied by before the UNet sees it.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>What is subtracted from a latent before it is scaled.</summary>
    public double ShiftFactor { get; init; }

    /// <summary>The mean of each latent channel, which is subtracted before scaling; null for none. Replaces <see cref="ShiftFactor"/>.</summary>
    public IReadOnlyList<double>? LatentsMean { get; init; }

    /// <summary>The standard deviation of each latent channel, which scaled latents are divided by; null for none.</summary>
    public IReadOnlyList<double>? LatentsStd { get; init; }

    /// <summary>Whether a 1 x 1 convolution follows the encoder.</summary>
    public bool UseQuantConv { get; init; } = true;

    /// <summary>Whether a 1 x 1 convolution precedes the decoder.</summary>
    public bool UsePostQuantConv { get; init; } = true;

    /// <summary>Whether the middle blocks have self-attention.</summary>
    public bool MidBlockAddAttention { get; init; } = true;

    /// <summary>How many pixels a latent pixel covers on a side.</summary>
    public int Reduction => 1 << (BlockOutChannels.Count - 1);

    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="ConesException">The file is broken or asks for something that is not implemented.</exception>
    public static AutoencoderKLConfig FromFile(string path)
    {
        var json = ConfigReader.Open(path);
        foreach (var type in json.Texts("down_block_types", []))
            if (type != "DownEncoderBlock2D") throw new ConesException($"{path}: down_block_types contains {type}, supported: DownEncoderBlock2D");
        foreach (var type in json.Texts("up_block_types", []))
            if (type != "UpDecoderBlock2D") throw new ConesException($"{path}: up_block_types contains {type}, supported: UpDecoderBlock2D");
        return new AutoencoderKLConfig
        {
            InChannels = json.Int("in_channels", 3),
            OutChannels = json.Int("out_channels", 3),
            LatentChannels = json.Int("latent_channels", 4),
            BlockOutChannels = json.Ints("block_out_channels", [64]),
            LayersPerBlock = json.Int("layers_per_block", 1),
            NormNumGroups = json.Int("norm_num_groups", 32),
            ActFn = json.Text("act_fn", "silu"),
            ScalingFactor = json.Double("scaling_factor", 0.18215),
            ShiftFactor = json.Double("shift_factor", 0),
            LatentsMean = json.Doubles("latents_mean"),
            LatentsStd = json.Doubles("latents_std"),
            UseQuantConv = json.Bool("use_quant_conv", true),
            UsePostQuantConv = json.Bool("use_post_quant_conv", true),
            MidBlockAddAttention = json.Bool("mid_block_add_attention", true),
        };
    }

    /// <summary>Checks that the numbers fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message says which.</exception>
    public void Validate()
    {
        if (BlockOutChannels.Count == 0) throw new ArgumentException("block_out_channels is empty");
        if ((LatentsMean is null) != (LatentsStd is null)) throw new ArgumentException("latents_mean and latents_std are given both or not at all");
        foreach (var (name, values) in ((string, IReadOnlyList<double>?)[])[("latents_mean", LatentsMean), ("latents_std", LatentsStd)])
            if (values is not null && values.Count != LatentChannels)
                throw new ArgumentException($"{name} has {values.Count} numbers, the latent has {LatentChannels} channels");
        if (LatentsStd?.Any(s => !(s > 0)) == true) throw new ArgumentException("latents_std holds a number that is not above 0");
        foreach (var channels in BlockOutChannels)
            if (channels % NormNumGroups != 0)
                throw new ArgumentException($"block_out_channels {channels} is no multiple of norm_num_groups = {NormNumGroups}");
    }
}
