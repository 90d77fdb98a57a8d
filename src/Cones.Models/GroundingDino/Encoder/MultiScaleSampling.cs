using Cones.Models.GroundingDino.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>The core of deformable attention.</summary>
static class MultiScaleSampling
{
    public static Tensor Apply(Tensor values, IReadOnlyList<FeatureLevel> levels, Tensor locations, Tensor weights)
    {
        using var scope = NewDisposeScope();
        var (batch, heads, dim) = (values.shape[0], values.shape[2], values.shape[3]);
        var (queries, points) = (locations.shape[1], locations.shape[4]);
        var grids = (2 * locations - 1).to(values.dtype);
        var sampled = new List<Tensor>();
        var start = 0L;
        for (var l = 0; l < levels.Count; l++)
        {
            var map = values.narrow(1, start, levels[l].Count).permute(0, 2, 3, 1).reshape(batch * heads, dim, levels[l].Height, levels[l].Width);
            var grid = grids.select(3, l).transpose(1, 2).reshape(batch * heads, queries, points, 2);
            sampled.Add(nn.functional.grid_sample(map, grid, align_corners: false)); // [B heads, e, Q, P]
            start += levels[l].Count;
        }

        var w = weights.transpose(1, 2).reshape(batch * heads, 1, queries, levels.Count * points);
        var mixed = (stack(sampled, -2).flatten(-2) * w).sum(-1); // [B heads, e, Q]
        return mixed.view(batch, heads * dim, queries).transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }
}
