using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Head.Kernels;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>
/// Each level becomes a weighted mean of itself and its neighbours, each through a modulated deformable convolution
/// (<c>DyConv</c>; Dynamic Head, arXiv 2106.08322).
/// </summary>
public sealed class DyConv : Module
{
    readonly DeformableConvNorm _fromCoarser;
    readonly DeformableConvNorm _fromSame;
    readonly DeformableConvNorm _fromFiner;
    readonly Conv2d _sampling;
    readonly Weight _attentionWeight;
    readonly Weight _attentionBias;

    internal DyConv(GlipHeadConfig config)
    {
        _fromCoarser = Add("DyConv.0", new DeformableConvNorm(config, stride: 1));
        _fromSame = Add("DyConv.1", new DeformableConvNorm(config, stride: 1));
        _fromFiner = Add("DyConv.2", new DeformableConvNorm(config, stride: 2));
        _sampling = Add("offset", new Conv2d(config.Channels, DeformableSampling.Channels, 3, padding: 1));
        _attentionWeight = AddWeight("AttnConv.1.weight", 1, config.Channels, 1, 1);
        _attentionBias = AddWeight("AttnConv.1.bias", 1);
        Activation = Add("relu", new DyRelu(config.Channels));
    }

    /// <summary>What is applied to the result.</summary>
    public DyRelu Activation { get; }

    /// <summary>Maps levels [B, C, H, W] to the same shapes; all read the old levels.</summary>
    public IReadOnlyList<Tensor> Forward(IReadOnlyList<Tensor> levels) => [.. Enumerable.Range(0, levels.Count).Select(i => Level(levels, i))];

    Tensor Level(IReadOnlyList<Tensor> levels, int i)
    {
        using var scope = NewDisposeScope();
        var level = levels[i];
        var (height, width) = (level.shape[2], level.shape[3]);
        var sampling = DeformableSampling.Split(_sampling.Forward(level));
        var maps = new List<Tensor> { _fromSame.Forward(level, sampling) };
        if (i > 0) maps.Add(_fromFiner.Forward(levels[i - 1], sampling));
        if (i < levels.Count - 1)
        {
            // The offsets are this level's, the map is a quarter of the size: the convolution reads the beginning of their memory.
            var map = _fromCoarser.Forward(levels[i + 1], sampling);
            maps.Add(nn.functional.interpolate(map, size: [height, width], mode: InterpolationMode.Bilinear, align_corners: true));
        }

        var mean = WeightedMeanFunction.Mean(maps, stack(maps.Select(Attention))); // [B, C, H, W]
        return Activation.Forward(mean).MoveToOuterDisposeScope();
    }

    // A weight between 1/2 and 1 for each image: [B, C, H, W] -> [B].
    Tensor Attention(Tensor map)
    {
        var pooled = LevelTokens.Flatten(map).mean([1]); // [B, C]
        var score = nn.functional.linear(pooled, _attentionWeight.Value.view(1, -1), _attentionBias.Value); // [B, 1]
        return DyRelu.HardSigmoid(score.relu()).squeeze(1);
    }
}

/// <summary>A modulated deformable 3 x 3 convolution and a group norm (<c>Conv3x3Norm</c>).</summary>
sealed class DeformableConvNorm : Module
{
    readonly DeformableConv2d _conv;
    readonly GroupNorm _norm;

    public DeformableConvNorm(GlipHeadConfig config, int stride)
    {
        _conv = Add("conv", new DeformableConv2d(config.Channels, config.Channels, stride));
        _norm = Add("bn", new GroupNorm(config.NormGroups, config.Channels, 1e-5));
    }

    public Tensor Forward(Tensor x, DeformableSampling sampling)
    {
        using var scope = NewDisposeScope();
        return _norm.Forward(_conv.Forward(x, sampling.Offsets, sampling.Mask)).MoveToOuterDisposeScope();
    }
}
