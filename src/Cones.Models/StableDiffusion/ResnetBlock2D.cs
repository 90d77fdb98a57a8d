using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion;

/// <summary>How a <see cref="ResnetBlock2D"/> takes the time embedding (<c>resnet_time_scale_shift</c>).</summary>
public enum TimeConditioning
{
    /// <summary>It is added between the convolutions: <c>default</c>.</summary>
    Add,

    /// <summary>It scales and shifts what the second normalisation gives: <c>scale_shift</c>.</summary>
    ScaleShift,
}

/// <summary>Two convolutions with a shortcut, as diffusers' <c>ResnetBlock2D</c>; with or without a time embedding.</summary>
public sealed class ResnetBlock2D : Module
{
    readonly GroupNorm _norm1;
    readonly Conv2d _conv1;
    readonly Linear? _timeProjection;
    readonly GroupNorm _norm2;
    readonly Conv2d _conv2;
    readonly Conv2d? _shortcut;
    readonly Func<Tensor, Tensor>? _actAfterShift;
    readonly double _outputScale;

    /// <summary>A block.</summary>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="timeDim">The width of the time embedding, null for none.</param>
    /// <param name="groups">Groups of both normalisations.</param>
    /// <param name="eps">Epsilon of both normalisations.</param>
    /// <param name="act">The activation function.</param>
    /// <param name="conditioning">How the time embedding comes in.</param>
    /// <param name="outputScale">What the result is divided by.</param>
    public ResnetBlock2D(
        int inChannels, int outChannels, int? timeDim, int groups, double eps, string act, TimeConditioning conditioning = TimeConditioning.Add, double outputScale = 1)
    {
        var shifts = timeDim is not null && conditioning == TimeConditioning.ScaleShift;
        _norm1 = Add("norm1", new GroupNorm(groups, inChannels, eps, act));
        _conv1 = Add("conv1", new Conv2d(inChannels, outChannels, 3, padding: 1));
        _timeProjection = timeDim is { } dim ? Add("time_emb_proj", new Linear(dim, shifts ? 2 * outChannels : outChannels)) : null;
        _norm2 = Add("norm2", new GroupNorm(groups, outChannels, eps, shifts ? null : act));
        _conv2 = Add("conv2", new Conv2d(outChannels, outChannels, 3, padding: 1));
        _shortcut = inChannels == outChannels ? null : Add("conv_shortcut", new Conv2d(inChannels, outChannels, 1));
        _actAfterShift = shifts ? Activations.Named(act) : null;
        _outputScale = outputScale;
    }

    /// <summary>Maps [B, in, H, W] to [B, out, H, W].</summary>
    /// <param name="x">The hidden state.</param>
    /// <param name="activatedTime">The time embedding after the activation, [B, timeDim]; shared by all blocks of a model.</param>
    public Tensor Forward(Tensor x, Tensor? activatedTime = null)
    {
        using var scope = NewDisposeScope();
        var time = _timeProjection?.Forward(activatedTime!); // [B, out] or, for scale and shift, [B, 2 out]
        var h = _norm1.Forward(x);
        h = _actAfterShift is null
            ? _norm2.Forward(_conv1.Forward(h, time, null))
            : _actAfterShift(ScaleAndShift(_norm2.Forward(_conv1.Forward(h)), time!));
        h = _conv2.Forward(h, null, _shortcut?.Forward(x) ?? x);
        return (_outputScale == 1 ? h : h / _outputScale).MoveToOuterDisposeScope();
    }

    static Tensor ScaleAndShift(Tensor h, Tensor time)
    {
        var halves = time.unsqueeze(-1).unsqueeze(-1).chunk(2, 1); // [B, 2 out] -> 2 x [B, out, 1, 1]
        return (h * (1 + halves[0])) + halves[1];
    }
}
