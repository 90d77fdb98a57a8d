using Cones.Models.Layers;
using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Swin;

/// <summary>
/// Attention within windows, then feed-forward layers, each on normed tokens and added to what came in (<c>SwinLayer</c>;
/// <c>SwinTransformerBlock</c> of the original).
/// </summary>
public sealed class SwinBlock : Module
{
    // Without gradients, about so many elements of the widest activation are in flight at a time, which stay in the cache.
    const long PartElements = 1 << 20;
    const long LeastPartTokens = 1024;

    readonly LayerNorm _normBefore;
    readonly WindowAttention _attention;
    readonly LayerNorm _normAfter;
    readonly Linear _mlpIn;
    readonly Linear _mlpOut;
    readonly Func<Tensor, Tensor> _activation;
    readonly int _window;
    readonly int _shift;
    readonly long _partTokens;

    internal SwinBlock(SwinConfig config, SwinLayout layout, int width, int heads, int shift)
    {
        var wide = (int)(width * config.MlpRatio);
        _normBefore = Add(layout.NormBefore, new LayerNorm(width, config.LayerNormEps));
        _attention = Add(layout.Attention, new WindowAttention(layout, width, heads, config.WindowSize, shift, config.QkvBias));
        _normAfter = Add(layout.NormAfter, new LayerNorm(width, config.LayerNormEps));
        _mlpIn = Add(layout.MlpIn, new Linear(width, wide));
        _mlpOut = Add(layout.MlpOut, new Linear(wide, width));
        _activation = Activations.Named(config.HiddenAct);
        (_window, _shift) = (config.WindowSize, shift);
        _partTokens = Math.Max(LeastPartTokens, PartElements / Math.Max(wide, 3 * width));
    }

    /// <summary>Maps tokens [B, H, W, C] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        // The map is shifted and padded even where it is smaller than the window.
        var grid = new WindowGrid(x.shape[1], x.shape[2], _window, _shift);
        using var scope = NewDisposeScope();
        return (TakesParts(x) ? ForwardInParts(x, grid) : ForwardWhole(x, grid)).MoveToOuterDisposeScope();
    }

    Tensor ForwardWhole(Tensor x, WindowGrid grid)
    {
        var kinds = grid.Kinds(0, x.shape[0] * grid.Rows * grid.Columns);
        x = x + grid.Merge(_attention.Forward(grid.Split(_normBefore.Forward(x)), kinds));
        return x + Mlp(x);
    }

    // The same, some windows and some tokens at a time.
    Tensor ForwardInParts(Tensor x, WindowGrid grid)
    {
        var (channels, tokens, side2) = (x.shape[3], x.shape[0] * x.shape[1] * x.shape[2], (long)_window * _window);
        var transforms = new WindowTransforms(x.shape[1], x.shape[2], _window, _shift, channels);
        var normed = _normBefore.Forward(x).contiguous();
        var y = x.contiguous().clone();
        var (all, most) = (x.shape[0] * grid.Rows * grid.Columns, Math.Max(1, _partTokens / side2));
        for (var first = 0L; first < all; first += most)
        {
            using var part = NewDisposeScope();
            var count = Math.Min(most, all - first);
            var windows = empty(count, side2, channels);
            transforms.Gather(normed, windows, first, count);
            transforms.AddTo(_attention.Forward(windows, grid.Kinds(first, count)), y, first, count);
        }

        var rows = y.view(tokens, channels);
        for (var first = 0L; first < tokens; first += _partTokens)
        {
            using var part = NewDisposeScope();
            var some = rows.narrow(0, first, Math.Min(_partTokens, tokens - first));
            some.add_(Mlp(some));
        }

        return y;
    }

    Tensor Mlp(Tensor x) => _mlpOut.Forward(_activation(_mlpIn.Forward(_normAfter.Forward(x))));

    bool TakesParts(Tensor x)
    {
        if (!TensorMemory.IsPlain(x) || x.shape[3] % 8 != 0) return false;
        var weights = NamedWeights().Select(w => w.Value.Value);
        return weights.All(w => w.dtype == ScalarType.Float32) && !(is_grad_enabled() && (x.requires_grad || weights.Any(w => w.requires_grad)));
    }
}
