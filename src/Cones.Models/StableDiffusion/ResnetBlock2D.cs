using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion;

/// <summary>Two convolutions with a shortcut, as diffusers' <c>ResnetBlock2D</c>; with or without a time embedding.</summary>
public sealed class ResnetBlock2D : Module
{
    readonly GroupNorm _norm1;
    readonly Conv2d _conv1;
    readonly Linear? _timeProjection;
    readonly GroupNorm _norm2;
    readonly Conv2d _conv2;
    readonly Conv2d? _shortcut;

    /// <summary>A block; <paramref name="timeDim"/> is the width of the time embedding, null for none.</summary>
    public ResnetBlock2D(int inChannels, int outChannels, int? timeDim, int groups, double eps, string act)
    {
        _norm1 = Add("norm1", new GroupNorm(groups, inChannels, eps, act));
        _conv1 = Add("conv1", new Conv2d(inChannels, outChannels, 3, padding: 1));
        _timeProjection = timeDim is { } dim ? Add("time_emb_proj", new Linear(dim, outChannels)) : null;
        _norm2 = Add("norm2", new GroupNorm(groups, outChannels, eps, act));
        _conv2 = Add("conv2", new Conv2d(outChannels, outChannels, 3, padding: 1));
        _shortcut = inChannels == outChannels ? null : Add("conv_shortcut", new Conv2d(inChannels, outChannels, 1));
    }

    /// <summary>Maps [B, in, H, W] to [B, out, H, W].</summary>
    /// <param name="x">The hidden state.</param>
    /// <param name="activatedTime">The time embedding after the activation, [B, timeDim]; shared by all blocks of a model.</param>
    public Tensor Forward(Tensor x, Tensor? activatedTime = null)
    {
        using var scope = NewDisposeScope();
        var time = _timeProjection?.Forward(activatedTime!); // [B, out]
        var h = _conv1.Forward(_norm1.Forward(x), time, null);
        return _conv2.Forward(_norm2.Forward(h), null, _shortcut?.Forward(x) ?? x).MoveToOuterDisposeScope();
    }
}
