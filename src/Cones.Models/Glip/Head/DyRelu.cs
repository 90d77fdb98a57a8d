using Cones.Models.Glip.Head.Kernels;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>
/// The larger of two lines, whose slopes and offsets for each channel are computed from the map's mean (<c>DYReLU</c>; Dynamic
/// ReLU, arXiv 2003.10027, variant B).
/// </summary>
public sealed class DyRelu : Module
{
    // From [0, 1] to the ranges of both lines: slopes 0 to 2 and -1 to 1, offsets -1/2 to 1/2.
    static readonly float[] s_scales = [2, 1, 2, 1];
    static readonly float[] s_shifts = [0, -0.5f, -1, -0.5f];

    readonly Linear _squeeze;
    readonly Linear _expand;

    internal DyRelu(int channels)
    {
        _squeeze = Add("fc.0", new Linear(channels, channels / 4));
        _expand = Add("fc.2", new Linear(channels / 4, channels * 4));
    }

    /// <summary>Maps [B, C, H, W] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var pooled = LevelTokens.Flatten(x).mean([1]); // [B, C]
        var shares = HardSigmoid(_expand.Forward(_squeeze.Forward(pooled).relu())).view(x.shape[0], 4, x.shape[1]); // slope, offset, slope, offset
        var (scales, shifts) = (tensor(s_scales, [4, 1], x.dtype, x.device), tensor(s_shifts, [4, 1], x.dtype, x.device));
        return TwoLinesFunction.Maximum(x, (shares * scales) + shifts).MoveToOuterDisposeScope();
    }

    /// <summary><c>clamp(x + 3, 0, 6) / 6</c>.</summary>
    internal static Tensor HardSigmoid(Tensor x) => nn.functional.relu6(x + 3) / 6;
}
