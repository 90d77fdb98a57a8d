using Cones.Models.Glip.Configuration;
using Cones.Models.Layers;
using Cones.Models.Swin;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Backbone;

/// <summary>From pixels to the levels of the pyramid. It does not know the text, so its output may be kept.</summary>
public sealed class GlipBackbone : Module
{
    readonly GlipFpn _fpn;

    internal GlipBackbone(GlipConfig config)
    {
        // The first stage's output is neither normed nor used.
        var swin = config.Swin with { OutStages = [2, 3, 4] };
        Swin = Add("body", new SwinBackbone(swin, SwinLayout.Glip));
        _fpn = Add("fpn", new GlipFpn([.. swin.OutStages.Select(swin.WidthOf)], config.Head.Channels));
    }

    /// <summary>The image transformer.</summary>
    public SwinBackbone Swin { get; }

    /// <summary>Maps pixels [B, 3, H, W] to P3 to P7, [B, C, H / 8, W / 8] and so on, rounded up.</summary>
    public IReadOnlyList<Tensor> Forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return [.. _fpn.Forward(Swin.Forward(pixels)).Select(l => l.MoveToOuterDisposeScope())];
    }
}
