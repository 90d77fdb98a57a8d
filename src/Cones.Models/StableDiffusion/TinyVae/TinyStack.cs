using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.TinyVae;

/// <summary>Encoder or decoder of <see cref="AutoencoderTiny"/>: one numbered list of layers under <c>layers</c>.</summary>
/// <remarks>diffusers' <c>EncoderTiny</c> and <c>DecoderTiny</c>; activations and up-samplers have numbers but no weights.</remarks>
sealed class TinyStack : Module
{
    readonly List<Func<Tensor, Tensor>> _steps = [];

    /// <summary>The encoder: a strided convolution before each level but the first.</summary>
    public static TinyStack Encoder(AutoencoderTinyConfig config)
    {
        var stack = new TinyStack();
        var channels = config.EncoderBlockOutChannels;
        for (var level = 0; level < channels.Count; level++)
        {
            if (level == 0) stack.AddConv(config.InChannels, channels[0]);
            else stack.AddConv(channels[level], channels[level], stride: 2, bias: false);
            for (var i = 0; i < config.NumEncoderBlocks[level]; i++) stack.AddBlock(channels[level], channels[level], config.ActFn);
        }

        stack.AddConv(channels[^1], config.LatentChannels);
        return stack;
    }

    /// <summary>The decoder: an enlargement and a convolution after each level, but the last has no enlargement.</summary>
    public static TinyStack Decoder(AutoencoderTinyConfig config)
    {
        var stack = new TinyStack();
        var channels = config.DecoderBlockOutChannels;
        var act = Activations.Named(config.ActFn);
        stack.AddConv(config.LatentChannels, channels[0]);
        stack._steps.Add(act);
        for (var level = 0; level < channels.Count; level++)
        {
            var last = level == channels.Count - 1;
            for (var i = 0; i < config.NumDecoderBlocks[level]; i++) stack.AddBlock(channels[level], channels[level], config.ActFn);
            if (!last)
            {
                double scale = config.UpsamplingScalingFactor;
                bool? corners = config.Upsampling == InterpolationMode.Nearest ? null : false;
                stack._steps.Add(x => nn.functional.interpolate(x, scale_factor: [scale, scale], mode: config.Upsampling, align_corners: corners));
            }

            stack.AddConv(channels[level], last ? config.OutChannels : channels[level], bias: last);
        }

        return stack;
    }

    /// <summary>Runs all layers.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        foreach (var step in _steps) x = step(x);
        return x.MoveToOuterDisposeScope();
    }

    void AddConv(int inChannels, int outChannels, int stride = 1, bool bias = true)
    {
        var conv = Add($"layers.{_steps.Count}", new Conv2d(inChannels, outChannels, 3, stride, padding: 1, bias));
        _steps.Add(conv.Forward);
    }

    void AddBlock(int inChannels, int outChannels, string act)
    {
        var block = Add($"layers.{_steps.Count}", new AutoencoderTinyBlock(inChannels, outChannels, act));
        _steps.Add(block.Forward);
    }
}

/// <summary>Three convolutions with a shortcut, as diffusers' <c>AutoencoderTinyBlock</c>.</summary>
sealed class AutoencoderTinyBlock : Module
{
    readonly Conv2d _conv0;
    readonly Conv2d _conv2;
    readonly Conv2d _conv4;
    readonly Conv2d? _skip;
    readonly Func<Tensor, Tensor> _act;

    public AutoencoderTinyBlock(int inChannels, int outChannels, string act)
    {
        // The odd numbers are activations.
        _conv0 = Add("conv.0", new Conv2d(inChannels, outChannels, 3, padding: 1));
        _conv2 = Add("conv.2", new Conv2d(outChannels, outChannels, 3, padding: 1));
        _conv4 = Add("conv.4", new Conv2d(outChannels, outChannels, 3, padding: 1));
        _skip = inChannels == outChannels ? null : Add("skip", new Conv2d(inChannels, outChannels, 1, bias: false));
        _act = Activations.Named(act);
    }

    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var h = _conv4.Forward(_act(_conv2.Forward(_act(_conv0.Forward(x)))));
        return nn.functional.relu(h + (_skip?.Forward(x) ?? x)).MoveToOuterDisposeScope();
    }
}
