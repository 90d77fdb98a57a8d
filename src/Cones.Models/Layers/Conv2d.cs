using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>A two-dimensional convolution, as <c>torch.nn.Conv2d</c> with zero padding.</summary>
public sealed class Conv2d : Module
{
    readonly Weight _weight;
    readonly Weight? _bias;
    readonly long[] _stride;
    readonly long[] _padding;

    /// <summary>A square kernel of <paramref name="kernel"/> pixels.</summary>
    public Conv2d(long inChannels, long outChannels, long kernel, long stride = 1, long padding = 0, bool bias = true)
    {
        _weight = AddWeight("weight", outChannels, inChannels, kernel, kernel);
        _bias = bias ? AddWeight("bias", outChannels) : null;
        _stride = [stride, stride];
        _padding = [padding, padding];
    }

    /// <summary>Maps [B, in, H, W] to [B, out, H', W'].</summary>
    public Tensor Forward(Tensor x) => nn.functional.conv2d(x, _weight.Value, _bias?.Value, _stride, _padding);
}
