using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Backbone;

/// <summary>The feature pyramid (<c>FPN</c> with <c>LastLevelP6P7</c>; arXiv 1612.03144, 1708.02002).</summary>
sealed class GlipFpn : Module
{
    readonly Conv2d[] _inner;
    readonly Conv2d[] _outer;
    readonly Conv2d _p6;
    readonly Conv2d _p7;

    /// <summary>A pyramid over three maps.</summary>
    /// <param name="inChannels">The channels of the maps, fine to coarse.</param>
    /// <param name="channels">The channels of the levels.</param>
    public GlipFpn(IReadOnlyList<int> inChannels, int channels)
    {
        // The backbone's first stage, number 1, is not used.
        _inner = [.. inChannels.Select((c, i) => Add($"fpn_inner{i + 2}", new Conv2d(c, channels, 1)))];
        _outer = [.. inChannels.Select((_, i) => Add($"fpn_layer{i + 2}", new Conv2d(channels, channels, 3, padding: 1)))];
        _p6 = Add("top_blocks.p6", new Conv2d(channels, channels, 3, stride: 2, padding: 1));
        _p7 = Add("top_blocks.p7", new Conv2d(channels, channels, 3, stride: 2, padding: 1));
    }

    /// <summary>Maps the stages' outputs [B, c, H, W], strides 8, 16 and 32, to P3 to P7, [B, C, H, W] each.</summary>
    public IReadOnlyList<Tensor> Forward(IReadOnlyList<Tensor> maps)
    {
        using var scope = NewDisposeScope();
        var levels = new Tensor[maps.Count + 2];
        Tensor? above = null;
        for (var i = maps.Count - 1; i >= 0; i--)
        {
            var merged = _inner[i].Forward(maps[i]);
            if (above is not null)
                merged = merged + nn.functional.interpolate(above, size: [merged.shape[2], merged.shape[3]], mode: InterpolationMode.Nearest);
            levels[i] = _outer[i].Forward(merged);
            above = merged;
        }

        levels[^2] = _p6.Forward(levels[^3]);
        levels[^1] = _p7.Forward(levels[^2].relu());
        return [.. levels.Select(l => l.MoveToOuterDisposeScope())];
    }
}
