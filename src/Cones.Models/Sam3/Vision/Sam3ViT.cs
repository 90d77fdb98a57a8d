using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Vision;

/// <summary>SAM 3's vision transformer (<c>Sam3ViTModel</c>; the Perception Encoder of Bolya et al. 2025), without class token.</summary>
sealed class Sam3ViT : Module
{
    readonly Sam3ViTConfig _config;
    readonly Sam3ViTEmbeddings _embeddings;
    readonly LayerNorm _norm;
    readonly ModuleList<Sam3ViTLayer> _layers;

    public Sam3ViT(Sam3ViTConfig c)
    {
        _config = c;
        _embeddings = Add("embeddings", new Sam3ViTEmbeddings(c));
        _norm = Add("layer_norm", new LayerNorm(c.HiddenSize, c.LayerNormEps));
        _layers = Add("layers", new ModuleList<Sam3ViTLayer>(
            Enumerable.Range(0, c.NumHiddenLayers).Select(i => new Sam3ViTLayer(c, c.IsGlobal(i) ? c.GridSize : c.WindowSize))));
    }

    /// <summary>Maps pixels [B, 3, S, S] to tokens [B, S / patch, S / patch, D].</summary>
    public Tensor Forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var x = _norm.Forward(_embeddings.Forward(pixels));
        var whole = Factors(_config.GridSize, x.device);
        var window = _config.WindowSize == 0 ? whole : Factors(_config.WindowSize, x.device);
        for (var i = 0; i < _layers.Count; i++)
        {
            var next = _layers[i].Forward(x, _config.IsGlobal(i) ? whole : window);
            x.Dispose();
            x = next;
        }

        return x.MoveToOuterDisposeScope();
    }

    // A global layer's places span as far as a window's.
    Tensor Factors(int side, Device device) => Sam3Rotation.Factors(
        side, (double)_config.WindowSize / side, _config.HiddenSize / _config.NumAttentionHeads, _config.RopeTheta, device);
}

/// <summary>Patches and a table of positions that repeats itself over the grid (<c>Sam3ViTEmbeddings</c>).</summary>
sealed class Sam3ViTEmbeddings : Module
{
    readonly Conv2d _patches;
    readonly Weight _positions;
    readonly int _side;

    public Sam3ViTEmbeddings(Sam3ViTConfig c)
    {
        _side = c.PretrainImageSize / c.PatchSize;
        _patches = Add("patch_embeddings.projection", new Conv2d(c.NumChannels, c.HiddenSize, c.PatchSize, stride: c.PatchSize, bias: false));
        _positions = AddWeight("position_embeddings", 1, (long)_side * _side, c.HiddenSize);
    }

    /// <summary>Maps [B, 3, S, S] to [B, h, w, D].</summary>
    public Tensor Forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var x = _patches.Forward(pixels).permute(0, 2, 3, 1); // [B, D, h, w] -> [B, h, w, D]
        var (height, width) = (x.shape[1], x.shape[2]);
        var table = _positions.Value.view(1, _side, _side, -1); // [1, side side, D] -> [1, side, side, D]
        var tiled = table.repeat(1, (height / _side) + 1, (width / _side) + 1, 1).narrow(1, 0, height).narrow(2, 0, width);
        return (x + tiled).contiguous().MoveToOuterDisposeScope();
    }
}
