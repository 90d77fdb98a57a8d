using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Encoder;

/// <summary>SAM's image encoder: a ViT with windowed and global attention, and a neck (<c>SamVisionEncoder</c>; Li et al. 2022, ViTDet).</summary>
sealed class SamVisionEncoder : Module
{
    readonly Conv2d _patches;
    readonly Weight? _positions;
    readonly ModuleList<SamVisionLayer> _layers;
    readonly SamVisionNeck _neck;

    public SamVisionEncoder(SamVisionConfig c)
    {
        _patches = Add("patch_embed.projection", new Conv2d(c.NumChannels, c.HiddenSize, c.PatchSize, stride: c.PatchSize));
        _positions = c.UseAbsPos ? AddWeight("pos_embed", 1, c.GridSize, c.GridSize, c.HiddenSize) : null;
        _layers = Add("layers", new ModuleList<SamVisionLayer>(Enumerable.Range(0, c.NumHiddenLayers).Select(i => new SamVisionLayer(c, i))));
        _neck = Add("neck", new SamVisionNeck(c));
    }

    /// <summary>Maps pixels [B, 3, H, W] to the image embedding [B, C, H / patch, W / patch].</summary>
    public Tensor Forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var x = _patches.Forward(pixels).permute(0, 2, 3, 1).contiguous(); // [B, D, h, w] -> [B, h, w, D]
        if (_positions is not null) x = x + _positions.Value;
        foreach (var layer in _layers)
        {
            var next = layer.Forward(x);
            x.Dispose();
            x = next;
        }

        return _neck.Forward(x).MoveToOuterDisposeScope();
    }
}

/// <summary>Two convolutions with norms that narrow the tokens to the image embedding (<c>SamVisionNeck</c>).</summary>
sealed class SamVisionNeck : Module
{
    readonly Conv2d _conv1;
    readonly LayerNorm _norm1;
    readonly Conv2d _conv2;
    readonly LayerNorm _norm2;

    public SamVisionNeck(SamVisionConfig c)
    {
        _conv1 = Add("conv1", new Conv2d(c.HiddenSize, c.OutputChannels, 1, bias: false));
        _norm1 = Add("layer_norm1", new LayerNorm(c.OutputChannels, 1e-6));
        _conv2 = Add("conv2", new Conv2d(c.OutputChannels, c.OutputChannels, 3, padding: 1, bias: false));
        _norm2 = Add("layer_norm2", new LayerNorm(c.OutputChannels, 1e-6));
    }

    /// <summary>Maps [B, h, w, D] to [B, C, h, w].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = Channels(_norm1.Forward(Tokens(_conv1.Forward(Channels(x)))));
        x = Channels(_norm2.Forward(Tokens(_conv2.Forward(x))));
        return x.MoveToOuterDisposeScope();
    }

    // [B, h, w, C] -> [B, C, h, w]
    static Tensor Channels(Tensor x) => x.permute(0, 3, 1, 2);

    // [B, C, h, w] -> [B, h, w, C]
    static Tensor Tokens(Tensor x) => x.permute(0, 2, 3, 1);
}
