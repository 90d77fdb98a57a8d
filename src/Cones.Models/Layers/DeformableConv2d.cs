using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>
/// A modulated deformable 3 x 3 convolution with padding 1 (DCNv2, arXiv 1811.11168; <c>torchvision.ops.deform_conv2d</c>):
/// every tap reads at a place of its own, which the caller computes from the image, and is weighted by a mask.
/// </summary>
public sealed class DeformableConv2d : Module
{
    const int Side = 3;
    const int Taps = Side * Side;

    readonly Weight _weight;
    readonly Weight? _bias;
    readonly long _stride;

    /// <summary>A layer from <paramref name="inChannels"/> to <paramref name="outChannels"/>.</summary>
    public DeformableConv2d(long inChannels, long outChannels, long stride = 1, bool bias = true)
    {
        _weight = AddWeight("weight", outChannels, inChannels, Side, Side);
        _bias = bias ? AddWeight("bias", outChannels) : null;
        _stride = stride;
    }

    /// <summary>Maps [B, in, H, W] to [B, out, H', W'], H' = (H - 1) / stride + 1 rounded down, and W' likewise.</summary>
    /// <param name="x">[B, in, H, W].</param>
    /// <param name="offset">
    /// [B, 18, H', W'], in pixels of <paramref name="x"/>: tap 3 i + j of the output pixel (y, x) reads at
    /// (y · stride - 1 + i + offset[2 (3 i + j)], x · stride - 1 + j + offset[2 (3 i + j) + 1]), between pixels bilinearly,
    /// beyond the border zeros.
    /// </param>
    /// <param name="mask">[B, 9, H', W'], the weight of each tap.</param>
    /// <returns>[B, out, H', W'].</returns>
    /// <remarks>
    /// Offsets and masks may come on a larger map, as GLIP gives them: then the first 18 H' W' and 9 H' W' numbers of each
    /// sample are read as if they were of the output's size. GLIP's kernel does this by not looking at the size, and its
    /// published weights were trained so.
    /// </remarks>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public Tensor Forward(Tensor x, Tensor offset, Tensor mask)
    {
        ShapeCheck.Require(nameof(x), x, ShapeCheck.Any, _weight.Shape[1], ShapeCheck.Any, ShapeCheck.Any);
        var (batch, height, width) = (x.shape[0], ((x.shape[2] - 1) / _stride) + 1, ((x.shape[3] - 1) / _stride) + 1);
        using var scope = NewDisposeScope();
        offset = FirstOf(nameof(offset), offset, batch, 2 * Taps, height, width);
        mask = FirstOf(nameof(mask), mask, batch, Taps, height, width);
        // Half precision is too coarse for places on a map: bfloat16 counts to 256.
        var (map, places, factors) = (SinglePrecision.Of(x), SinglePrecision.Of(offset), SinglePrecision.Of(mask));
        var y = DeformableConvolutionFunction.Accepts(map, places, factors, _weight, _bias?.Value)
            ? DeformableConvolutionFunction.Apply(map, places, factors, _weight, _bias is null ? null : SinglePrecision.Of(_bias.Value), _stride)
            : TensorOperations(map, places, factors);
        return y.to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Forward"/>, with LibTorch's operations only: on any device, for weights of any type and trainable ones. Inputs have at least single precision.</summary>
    internal Tensor TensorOperations(Tensor x, Tensor offset, Tensor mask)
    {
        using var scope = NewDisposeScope();
        var (batch, height, width) = (x.shape[0], offset.shape[2], offset.shape[3]);
        var (down, right) = (offset.unflatten(1, [Taps, 2]).select(2, 0), offset.unflatten(1, [Taps, 2]).select(2, 1)); // [B, 9, H', W']
        var taps = arange(Taps, dtype: x.dtype, device: x.device).view(Taps, 1, 1);
        var rows = (arange(height, dtype: x.dtype, device: x.device).view(1, height, 1) * _stride) - 1 + (taps / Side).floor();
        var columns = (arange(width, dtype: x.dtype, device: x.device).view(1, 1, width) * _stride) - 1 + (taps % Side);

        // The centres of the first and the last pixel are half a pixel within [-1, 1].
        var grid = stack([Normalized(columns + right, x.shape[3]), Normalized(rows + down, x.shape[2])], -1); // [B, 9, H', W', 2]
        var sampled = nn.functional.grid_sample(
            x, grid.view(batch, Taps * height, width, 2), GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false); // [B, in, 9 H', W']
        var weighted = sampled.view(batch, x.shape[1], Taps, height, width) * mask.unsqueeze(1); // [B, in, 9, H', W']
        var taken = weighted.view(batch, -1, height * width).to(_weight.Value.dtype);
        var y = _weight.Value.reshape(_weight.Shape[0], -1).matmul(taken); // [out, 9 in] x [B, 9 in, H' W']
        if (_bias is not null) y = y + _bias.Value.unsqueeze(1);
        return y.view(batch, -1, height, width).MoveToOuterDisposeScope();

        static Tensor Normalized(Tensor position, long size) => ((2 * position) + 1) / size - 1;
    }

    // [B, channels, height, width] of a map that is as large or larger.
    static Tensor FirstOf(string name, Tensor map, long batch, long channels, long height, long width)
    {
        ShapeCheck.Require(name, map, batch, channels, ShapeCheck.Any, ShapeCheck.Any);
        if (map.shape[2] == height && map.shape[3] == width) return map;
        if (map.shape[2] * map.shape[3] < height * width)
            throw new ArgumentException($"{name} is {ShapeCheck.Text(map.shape)}, too small for an output of {ShapeCheck.Text(batch, channels, height, width)}", name);
        return map.reshape(batch, -1).narrow(1, 0, channels * height * width).view(batch, channels, height, width);
    }
}
