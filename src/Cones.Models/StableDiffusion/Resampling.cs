using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion;

/// <summary>Halves the size by a strided convolution, as diffusers' <c>Downsample2D</c>.</summary>
public sealed class Downsample2D : Module
{
    readonly Conv2d _conv;
    readonly bool _padRightBottom;

    /// <summary>A down-sampler; padding 0 pads right and bottom by one pixel, as the VAE does.</summary>
    public Downsample2D(int channels, int padding)
    {
        _conv = Add("conv", new Conv2d(channels, channels, 3, stride: 2, padding: padding));
        _padRightBottom = padding == 0;
    }

    /// <summary>Maps [B, C, H, W] to [B, C, H/2, W/2].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return _conv.Forward(_padRightBottom ? nn.functional.pad(x, [0, 1, 0, 1]) : x).MoveToOuterDisposeScope();
    }
}

/// <summary>Enlarges by nearest neighbour, then convolves, as diffusers' <c>Upsample2D</c>.</summary>
public sealed class Upsample2D : Module
{
    readonly Conv2d _conv;

    /// <summary>An up-sampler.</summary>
    public Upsample2D(int channels) => _conv = Add("conv", new Conv2d(channels, channels, 3, padding: 1));

    /// <summary>Maps [B, C, H, W] to [B, C, height, width].</summary>
    public Tensor Forward(Tensor x, long height, long width)
    {
        using var scope = NewDisposeScope();
        var enlarged = nn.functional.interpolate(x, size: [height, width], mode: InterpolationMode.Nearest);
        return _conv.Forward(enlarged).MoveToOuterDisposeScope();
    }
}
