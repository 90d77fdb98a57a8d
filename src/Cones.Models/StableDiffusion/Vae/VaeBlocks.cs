using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Vae;

/// <summary>Self-attention with one head over all pixels, as in the middle of diffusers' VAE.</summary>
public sealed class VaeAttention : Module
{
    readonly GroupNorm _norm;
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly Linear _out;

    /// <summary>Attention over <paramref name="channels"/> channels.</summary>
    public VaeAttention(int channels, int groups)
    {
        _norm = Add("group_norm", new GroupNorm(groups, channels, 1e-6));
        _query = Add("to_q", new Linear(channels, channels));
        _key = Add("to_k", new Linear(channels, channels));
        _value = Add("to_v", new Linear(channels, channels));
        _out = Add("to_out.0", new Linear(channels, channels));
    }

    /// <summary>Maps [B, C, H, W] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (batch, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        var tokens = _norm.Forward(x).permute(0, 2, 3, 1).reshape(batch, 1, height * width, channels); // [B, C, H, W] -> [B, 1, HW, C]
        var attended = nn.functional.scaled_dot_product_attention(_query.Forward(tokens), _key.Forward(tokens), _value.Forward(tokens));
        var map = _out.Forward(attended).reshape(batch, height, width, channels).permute(0, 3, 1, 2); // [B, 1, HW, C] -> [B, C, H, W]
        return (map + x).MoveToOuterDisposeScope();
    }
}

/// <summary>ResNet, attention, ResNet: the middle of encoder and decoder (diffusers' <c>UNetMidBlock2D</c>).</summary>
public sealed class VaeMidBlock : Module
{
    readonly ModuleList<ResnetBlock2D> _resnets;
    readonly ModuleList<VaeAttention>? _attentions;

    /// <summary>The block at the coarsest level.</summary>
    public VaeMidBlock(AutoencoderKLConfig config)
    {
        var channels = config.BlockOutChannels[^1];
        if (config.MidBlockAddAttention)
            _attentions = Add("attentions", new ModuleList<VaeAttention>([new VaeAttention(channels, config.NormNumGroups)]));
        _resnets = Add("resnets", new ModuleList<ResnetBlock2D>(
            Enumerable.Range(0, 2).Select(_ => new ResnetBlock2D(channels, channels, null, config.NormNumGroups, 1e-6, config.ActFn))));
    }

    /// <summary>Maps [B, C, H, W] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = _resnets[0].Forward(x);
        if (_attentions is not null) x = _attentions[0].Forward(x);
        return _resnets[1].Forward(x).MoveToOuterDisposeScope();
    }
}

/// <summary>One level of the encoder (<c>DownEncoderBlock2D</c>).</summary>
public sealed class DownEncoderBlock : Module
{
    readonly ModuleList<ResnetBlock2D> _resnets;
    readonly Downsample2D? _downsampler;

    /// <summary>A level; the last has no down-sampler.</summary>
    public DownEncoderBlock(int inChannels, int channels, AutoencoderKLConfig config, bool last)
    {
        _resnets = Add("resnets", new ModuleList<ResnetBlock2D>(Enumerable.Range(0, config.LayersPerBlock).Select(i =>
            new ResnetBlock2D(i == 0 ? inChannels : channels, channels, null, config.NormNumGroups, 1e-6, config.ActFn))));
        if (!last) _downsampler = Add("downsamplers.0", new Downsample2D(channels, padding: 0));
    }

    /// <summary>Maps [B, in, H, W] to [B, C, H/2, W/2].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        foreach (var resnet in _resnets) x = resnet.Forward(x);
        return (_downsampler?.Forward(x) ?? x).MoveToOuterDisposeScope();
    }
}

/// <summary>One level of the decoder (<c>UpDecoderBlock2D</c>).</summary>
public sealed class UpDecoderBlock : Module
{
    readonly ModuleList<ResnetBlock2D> _resnets;
    readonly Upsample2D? _upsampler;

    /// <summary>A level; the last has no up-sampler.</summary>
    public UpDecoderBlock(int inChannels, int channels, AutoencoderKLConfig config, bool last)
    {
        _resnets = Add("resnets", new ModuleList<ResnetBlock2D>(Enumerable.Range(0, config.LayersPerBlock + 1).Select(i =>
            new ResnetBlock2D(i == 0 ? inChannels : channels, channels, null, config.NormNumGroups, 1e-6, config.ActFn))));
        if (!last) _upsampler = Add("upsamplers.0", new Upsample2D(channels));
    }

    /// <summary>Maps [B, in, H, W] to [B, C, 2H, 2W].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        foreach (var resnet in _resnets) x = resnet.Forward(x);
        return (_upsampler?.Forward(x, x.shape[2] * 2, x.shape[3] * 2) ?? x).MoveToOuterDisposeScope();
    }
}
