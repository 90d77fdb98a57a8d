using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Swin;

/// <summary>
/// Attention within windows, then feed-forward layers, each on normed tokens and added to what came in (<c>SwinLayer</c>;
/// <c>SwinTransformerBlock</c> of the original).
/// </summary>
public sealed class SwinBlock : Module
{
    readonly LayerNorm _normBefore;
    readonly WindowAttention _attention;
    readonly LayerNorm _normAfter;
    readonly Linear _mlpIn;
    readonly Linear _mlpOut;
    readonly Func<Tensor, Tensor> _activation;
    readonly int _window;
    readonly int _shift;

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
    }

    /// <summary>Maps tokens [B, H, W, C] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        // The map is shifted and padded even where it is smaller than the window.
        var grid = new WindowGrid(x.shape[1], x.shape[2], _window, _shift);
        x = x + grid.Merge(_attention.Forward(grid.Split(_normBefore.Forward(x)), grid));
        x = x + _mlpOut.Forward(_activation(_mlpIn.Forward(_normAfter.Forward(x))));
        return x.MoveToOuterDisposeScope();
    }
}
