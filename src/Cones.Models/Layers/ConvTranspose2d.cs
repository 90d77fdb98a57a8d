using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>A transposed convolution whose stride is its kernel's size, as <c>torch.nn.ConvTranspose2d</c>: every pixel becomes a square of its own.</summary>
public sealed class ConvTranspose2d : Module
{
    readonly Weight _weight;
    readonly Weight _bias;
    readonly long _kernel;

    /// <summary>A layer that enlarges maps <paramref name="kernel"/> times.</summary>
    public ConvTranspose2d(long inChannels, long outChannels, long kernel)
    {
        _weight = AddWeight("weight", inChannels, outChannels, kernel, kernel);
        _bias = AddWeight("bias", outChannels);
        _kernel = kernel;
    }

    /// <summary>Maps [B, in, H, W] to [B, out, kernel · H, kernel · W], laid out channels-last.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (batch, height, width) = (x.shape[0], x.shape[2], x.shape[3]);
        var matrix = _weight.Value.requires_grad ? Matrix(_weight.Value) : _weight.Derived("expansion", Matrix);
        var squares = x.permute(0, 2, 3, 1).matmul(matrix); // [B, in, H, W] -> [B, H, W, in] -> [B, H, W, k k out]
        var map = squares.view(batch, height, width, _kernel, _kernel, -1).permute(0, 1, 3, 2, 4, 5) // [B, H, k, W, k, out]
            .reshape(batch, height * _kernel, width * _kernel, -1); // [B, k H, k W, out]
        return (map + _bias.Value).permute(0, 3, 1, 2).MoveToOuterDisposeScope(); // [B, out, k H, k W]
    }

    // [in, out, k, k] -> [in, k k out]
    static Tensor Matrix(Tensor weight) => weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1);
}
