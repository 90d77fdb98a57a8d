using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Vae;

/// <summary>The VAE's encoder, as diffusers' <c>Encoder</c> with doubled output channels.</summary>
public sealed class Encoder : Module
{
    // Whatever act_fn says, in encoder and decoder.
    internal const string LastAct = "silu";

    readonly Conv2d _convIn;
    readonly ModuleList<DownEncoderBlock> _down;
    readonly VaeMidBlock _mid;
    readonly GroupNorm _normOut;
    readonly Conv2d _convOut;

    /// <summary>An encoder.</summary>
    public Encoder(AutoencoderKLConfig config)
    {
        var channels = config.BlockOutChannels;
        _convIn = Add("conv_in", new Conv2d(config.InChannels, channels[0], 3, padding: 1));
        _down = Add("down_blocks", new ModuleList<DownEncoderBlock>(Enumerable.Range(0, channels.Count)
            .Select(i => new DownEncoderBlock(channels[Math.Max(i - 1, 0)], channels[i], config, last: i == channels.Count - 1))));
        _mid = Add("mid_block", new VaeMidBlock(config));
        _normOut = Add("conv_norm_out", new GroupNorm(config.NormNumGroups, channels[^1], 1e-6, LastAct));
        _convOut = Add("conv_out", new Conv2d(channels[^1], 2 * config.LatentChannels, 3, padding: 1));
    }

    /// <summary>Maps pixels [B, 3, H, W] to means and log-variances [B, 2 C, h, w].</summary>
    public Tensor Forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var x = _convIn.Forward(pixels);
        foreach (var block in _down)
        {
            using var before = x;
            x = block.Forward(before);
        }

        return _convOut.Forward(_normOut.Forward(_mid.Forward(x))).MoveToOuterDisposeScope();
    }
}

/// <summary>The VAE's decoder, as diffusers' <c>Decoder</c>.</summary>
public sealed class Decoder : Module
{
    readonly Conv2d _convIn;
    readonly VaeMidBlock _mid;
    readonly ModuleList<UpDecoderBlock> _up;
    readonly GroupNorm _normOut;
    readonly Conv2d _convOut;

    /// <summary>A decoder.</summary>
    public Decoder(AutoencoderKLConfig config)
    {
        int[] channels = [.. config.BlockOutChannels.Reverse()];
        _convIn = Add("conv_in", new Conv2d(config.LatentChannels, channels[0], 3, padding: 1));
        _mid = Add("mid_block", new VaeMidBlock(config));
        _up = Add("up_blocks", new ModuleList<UpDecoderBlock>(Enumerable.Range(0, channels.Length)
            .Select(i => new UpDecoderBlock(channels[Math.Max(i - 1, 0)], channels[i], config, last: i == channels.Length - 1))));
        _normOut = Add("conv_norm_out", new GroupNorm(config.NormNumGroups, channels[^1], 1e-6, Encoder.LastAct));
        _convOut = Add("conv_out", new Conv2d(channels[^1], config.OutChannels, 3, padding: 1));
    }

    /// <summary>Maps latents [B, C, h, w] to pixels [B, 3, H, W].</summary>
    public Tensor Forward(Tensor latents)
    {
        using var scope = NewDisposeScope();
        var x = _mid.Forward(_convIn.Forward(latents));
        foreach (var block in _up)
        {
            using var before = x;
            x = block.Forward(before);
        }

        return _convOut.Forward(_normOut.Forward(x)).MoveToOuterDisposeScope();
    }
}
