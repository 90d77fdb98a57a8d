using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Vision;

/// <summary>Makes maps of several sizes from the tokens (<c>Sam3VisionNeck</c>; the simple feature pyramid of ViTDet).</summary>
sealed class Sam3Neck : Module
{
    readonly ModuleList<Sam3NeckLevel> _levels;

    public Sam3Neck(Sam3VisionConfig c) => _levels = Add("fpn_layers", new ModuleList<Sam3NeckLevel>(
        c.ScaleFactors.Select(s => new Sam3NeckLevel(c.Backbone.HiddenSize, c.FpnHiddenSize, s))));

    /// <summary>Maps tokens [B, h, w, D] to maps [B, C, h s, w s] for every scale s but the last, which nothing reads.</summary>
    public IReadOnlyList<Tensor> Forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var map = tokens.permute(0, 3, 1, 2); // [B, D, h, w]
        return [.. _levels.SkipLast(1).Select(l => l.Forward(map).MoveToOuterDisposeScope())];
    }
}

/// <summary>One size: enlarges or shrinks, then two convolutions (<c>Sam3FPNLayer</c>).</summary>
sealed class Sam3NeckLevel : Module
{
    readonly ConvTranspose2d? _double;
    readonly ConvTranspose2d? _doubleAgain;
    readonly bool _halves;
    readonly Conv2d _proj1;
    readonly Conv2d _proj2;

    public Sam3NeckLevel(int dim, int channels, double scale)
    {
        _double = scale >= 2 ? Add("scale_layers.0", new ConvTranspose2d(dim, dim / 2, 2)) : null;
        _doubleAgain = scale >= 4 ? Add("scale_layers.2", new ConvTranspose2d(dim / 2, dim / 4, 2)) : null;
        _halves = scale < 1;
        _proj1 = Add("proj1", new Conv2d(scale >= 4 ? dim / 4 : scale >= 2 ? dim / 2 : dim, channels, 1));
        _proj2 = Add("proj2", new Conv2d(channels, channels, 3, padding: 1));
    }

    /// <summary>Maps [B, D, h, w] to [B, C, h s, w s].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        if (_double is not null) x = _double.Forward(x);
        if (_doubleAgain is not null) x = _doubleAgain.Forward(nn.functional.gelu(x));
        if (_halves) x = nn.functional.max_pool2d(x, 2);
        return _proj2.Forward(_proj1.Forward(x)).MoveToOuterDisposeScope();
    }
}
