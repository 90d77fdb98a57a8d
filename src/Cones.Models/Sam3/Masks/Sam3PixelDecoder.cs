using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Masks;

/// <summary>Joins maps from coarse to fine (<c>Sam3PixelDecoder</c>; after MaskFormer).</summary>
sealed class Sam3PixelDecoder : Module
{
    const int Groups = 8;

    readonly ModuleList<Conv2d> _convs;
    readonly ModuleList<GroupNorm> _norms;

    public Sam3PixelDecoder(int dim, int stages)
    {
        _convs = Add("conv_layers", new ModuleList<Conv2d>(Enumerable.Range(0, stages).Select(_ => new Conv2d(dim, dim, 3, padding: 1))));
        _norms = Add("norms", new ModuleList<GroupNorm>(Enumerable.Range(0, stages).Select(_ => new GroupNorm(Groups, dim, 1e-5))));
    }

    /// <summary>Maps maps [B, C, H, W] from fine to coarse to one of the finest size.</summary>
    public Tensor Forward(IReadOnlyList<Tensor> maps)
    {
        using var scope = NewDisposeScope();
        var x = maps[^1];
        for (var i = 0; i < maps.Count - 1; i++)
        {
            var finer = maps[maps.Count - 2 - i];
            x = finer + nn.functional.interpolate(x, size: [finer.shape[2], finer.shape[3]], mode: InterpolationMode.Nearest);
            x = nn.functional.relu(_norms[i].Forward(_convs[i].Forward(x)));
        }

        return x.MoveToOuterDisposeScope();
    }
}
