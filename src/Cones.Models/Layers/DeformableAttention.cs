using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>
/// The sampling at the heart of multi-scale deformable attention (Deformable DETR, arXiv 2010.04159;
/// <c>MultiScaleDeformableAttention</c> of transformers): every query reads a few points of every level.
/// </summary>
public static class DeformableAttention
{
    /// <summary>Sums the values at each query's points, weighted.</summary>
    /// <param name="value">[B, S, heads, D]: the levels one after the other, each row by row. S is the number of their pixels.</param>
    /// <param name="shapes">Height and width of each level.</param>
    /// <param name="locations">
    /// [B, Q, heads, levels, points, 2]: x, then y, in widths and heights of the level, [0, 1] from edge to edge. Between pixels
    /// values are bilinear, beyond the border zeros.
    /// </param>
    /// <param name="weights">[B, Q, heads, levels, points].</param>
    /// <returns>[B, Q, heads · D].</returns>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public static Tensor Sample(Tensor value, IReadOnlyList<(long Height, long Width)> shapes, Tensor locations, Tensor weights)
    {
        ShapeCheck.Require(nameof(value), value, ShapeCheck.Any, ShapeCheck.Any, ShapeCheck.Any, ShapeCheck.Any);
        var (batch, heads) = (value.shape[0], value.shape[2]);
        if (shapes.Count == 0 || shapes.Any(s => s.Height < 1 || s.Width < 1) || shapes.Sum(s => s.Height * s.Width) != value.shape[1])
            throw new ArgumentException($"the levels {string.Join(", ", shapes.Select(s => $"{s.Height}x{s.Width}"))} do not have the {value.shape[1]} pixels of the value", nameof(shapes));
        ShapeCheck.Require(nameof(weights), weights, batch, ShapeCheck.Any, heads, shapes.Count, ShapeCheck.Any);
        ShapeCheck.Require(nameof(locations), locations, [.. weights.shape, 2]);
        return DeformableAttentionFunction.Accepts(value, locations, weights)
            ? DeformableAttentionFunction.Apply(value, shapes, locations, weights)
            : TensorOperations(value, shapes, locations, weights);
    }

    /// <summary>As <see cref="Sample"/>, with LibTorch's operations only: on any device, of any type.</summary>
    internal static Tensor TensorOperations(Tensor value, IReadOnlyList<(long Height, long Width)> shapes, Tensor locations, Tensor weights)
    {
        using var scope = NewDisposeScope();
        var (batch, heads, dim, queries, points) = (value.shape[0], value.shape[2], value.shape[3], weights.shape[1], weights.shape[4]);
        var grids = ((2 * locations) - 1).transpose(1, 2).flatten(0, 1); // [B heads, Q, levels, points, 2]
        var shares = weights.transpose(1, 2).flatten(0, 1); // [B heads, Q, levels, points]
        Tensor? sum = null; // [B heads, D, Q]
        var first = 0L;
        for (var level = 0; level < shapes.Count; level++)
        {
            var (height, width) = shapes[level];
            var map = value.narrow(1, first, height * width) // [B, H W, heads, D]
                .permute(0, 2, 3, 1).reshape(batch * heads, dim, height, width);
            var sampled = nn.functional.grid_sample(
                map, grids.select(2, level), GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false); // [B heads, D, Q, points]
            var part = (sampled * shares.select(2, level).unsqueeze(1)).sum(-1);
            sum = sum is null ? part : sum + part;
            first += height * width;
        }

        return sum!.view(batch, heads * dim, queries).transpose(1, 2).MoveToOuterDisposeScope(); // [B, Q, heads D]
    }
}
