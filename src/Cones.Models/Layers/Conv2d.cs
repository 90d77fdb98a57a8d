using Cones.Models.Layers.Kernels;
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
    readonly bool _isPointwise;
    readonly bool _keepsSize;

    /// <summary>A square kernel of <paramref name="kernel"/> pixels.</summary>
    public Conv2d(long inChannels, long outChannels, long kernel, long stride = 1, long padding = 0, bool bias = true)
    {
        _weight = AddWeight("weight", outChannels, inChannels, kernel, kernel);
        _bias = bias ? AddWeight("bias", outChannels) : null;
        _stride = [stride, stride];
        _padding = [padding, padding];
        _isPointwise = kernel == 1 && stride == 1 && padding == 0;
        _keepsSize = kernel == 3 && stride == 1 && padding == 1;
    }

    /// <summary>Maps [B, in, H, W] to [B, out, H', W'].</summary>
    public Tensor Forward(Tensor x) => Forward(x, null, null);

    /// <summary>Maps [B, in, H, W] to [B, out, H', W'] and adds to the result.</summary>
    /// <param name="x">[B, in, H, W].</param>
    /// <param name="perSample">A vector for each sample, [B, out], or null.</param>
    /// <param name="residual">[B, out, H', W'] or null.</param>
    public Tensor Forward(Tensor x, Tensor? perSample, Tensor? residual)
    {
        if (_keepsSize && perSample is not { requires_grad: true } && ConvolutionFunction.Accepts(x, _weight, _bias?.Value))
            return ConvolutionFunction.Apply(x, _weight, _bias?.Value, perSample, residual);
        if (_keepsSize && TrainedConvolutionFunction.Accepts(x, _weight.Value)) return TrainedConvolutionFunction.Apply(x, _weight.Value, _bias?.Value, perSample, residual);

        using var scope = NewDisposeScope();
        var y = _isPointwise && TensorMemory.IsChannelsLast(x)
            ? Pointwise(x)
            : nn.functional.conv2d(x, _weight.Value, _bias?.Value, _stride, _padding);
        if (perSample is not null) y = y + perSample.unsqueeze(-1).unsqueeze(-1); // [B, out] -> [B, out, 1, 1]
        if (residual is not null) y = y + residual;
        return y.MoveToOuterDisposeScope();
    }

    // A product over the channels of every pixel: [B, in, H, W] -> [B, H, W, in] -> [B, H, W, out] -> [B, out, H, W], without a copy.
    Tensor Pointwise(Tensor x)
    {
        var matrix = _weight.Value.view(_weight.Shape[0], _weight.Shape[1]);
        return Linear.Product(x.permute(0, 2, 3, 1), matrix, _bias?.Value).permute(0, 3, 1, 2);
    }
}
