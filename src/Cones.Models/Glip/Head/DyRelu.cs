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
        var parts = HardSigmoid(_expand.Forward(_squeeze.Forward(pooled).relu())).unsqueeze(-1).unsqueeze(-1).chunk(4, 1); // 4 x [B, C, 1, 1]
        var (slope1, offset1, slope2, offset2) = (2 * parts[0], parts[1] - 0.5, (2 * parts[2]) - 1, parts[3] - 0.5);
        return maximum((slope1 * x) + offset1, (slope2 * x) + offset2).MoveToOuterDisposeScope();
    }

    /// <summary><c>clamp(x + 3, 0, 6) / 6</c>.</summary>
    internal static Tensor HardSigmoid(Tensor x) => nn.functional.relu6(x + 3) / 6;
}
