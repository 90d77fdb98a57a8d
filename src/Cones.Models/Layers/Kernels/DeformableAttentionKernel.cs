using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Layers.Kernels;

/// <summary>The sampling of multi-scale deformable attention, on contiguous float32 memory.</summary>
/// <param name="batch">B.</param>
/// <param name="pixels">S, of all levels.</param>
/// <param name="heads">Attention heads.</param>
/// <param name="dim">D, the width of a head, a multiple of 8.</param>
/// <param name="queries">Q.</param>
/// <param name="points">Points of a query on a level.</param>
/// <param name="shapes">Height and width of each level.</param>
sealed unsafe class DeformableAttentionKernel(long batch, long pixels, long heads, long dim, long queries, int points, (int Height, int Width)[] shapes)
{
    const int Lanes = 8;
    const int Corners = 4;

    readonly long _row = heads * dim;
    readonly int _samples = shapes.Length * points;

    /// <summary>Writes y [B, Q, heads, D].</summary>
    /// <param name="value">[B, S, heads, D].</param>
    /// <param name="locations">[B, Q, heads, levels, points, 2].</param>
    /// <param name="weights">[B, Q, heads, levels, points].</param>
    /// <param name="y">The result.</param>
    public void Forward(float* value, float* locations, float* weights, float* y)
    {
        ParallelRange.Run(batch * queries, Math.Max(1, 1024 / (_samples * heads)), (from, to) =>
        {
            for (var query = from; query < to; query++) ForwardQuery(query, value, locations, weights, y);
        });
    }

    /// <summary>Writes the gradients.</summary>
    /// <param name="value">As in <see cref="Forward"/>.</param>
    /// <param name="locations">As in <see cref="Forward"/>.</param>
    /// <param name="weights">As in <see cref="Forward"/>.</param>
    /// <param name="gradient">With respect to y.</param>
    /// <param name="gradValue">Like value: added to; or null.</param>
    /// <param name="gradLocations">Like locations: written.</param>
    /// <param name="gradWeights">Like weights: written.</param>
    public void Backward(float* value, float* locations, float* weights, float* gradient, float* gradValue, float* gradLocations, float* gradWeights)
    {
        // Queries add to pixels anywhere, but within their head.
        ParallelRange.Run(batch * heads, 1, (from, to) =>
        {
            for (var part = from; part < to; part++)
                BackwardHead(part / heads, part % heads, value, locations, weights, gradient, gradValue, gradLocations, gradWeights);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void ForwardQuery(long query, float* value, float* locations, float* weights, float* y)
    {
        var rows = stackalloc float*[_samples * Corners];
        var share = stackalloc float[_samples * Corners];
        BilinearPoint point = default;
        for (var head = 0L; head < heads; head++)
        {
            // First where to read, then the sums, some channels at a time.
            var at = ((query * heads) + head) * _samples;
            var map = value + (query / queries * pixels * _row) + (head * dim);
            var count = 0;
            foreach (var (height, width) in shapes)
            {
                for (var p = 0; p < points; p++, at++)
                {
                    if (!point.Locate((locations[(2 * at) + 1] * height) - 0.5f, (locations[2 * at] * width) - 0.5f, height, width)) continue;
                    var shares = point.Shares(weights[at]);
                    count = Include(rows, share, count, map, point.TopLeft, shares.TopLeft);
                    count = Include(rows, share, count, map, point.TopRight, shares.TopRight);
                    count = Include(rows, share, count, map, point.BottomLeft, shares.BottomLeft);
                    count = Include(rows, share, count, map, point.BottomRight, shares.BottomRight);
                }

                map += (long)height * width * _row;
            }

            Sum(rows, share, count, y + (((query * heads) + head) * dim));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    int Include(float** rows, float* share, int count, float* map, int pixel, float weight)
    {
        if (pixel < 0) return count;
        rows[count] = map + (pixel * _row);
        share[count] = weight;
        return count + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void BackwardHead(
        long sample, long head, float* value, float* locations, float* weights, float* gradient, float* gradValue, float* gradLocations, float* gradWeights)
    {
        // What is read and written for pixels beyond the border.
        float[] outside = new float[dim], sunk = new float[dim];
        fixed (float* zeros = outside, sink = sunk)
        {
            BilinearPoint point = default;
            var count = dim;
            var start = (sample * pixels * _row) + (head * dim);
            for (var q = 0L; q < queries; q++)
            {
                var query = (sample * queries) + q;
                var source = gradient + (((query * heads) + head) * dim);
                var at = ((query * heads) + head) * _samples;
                var level = start;
                foreach (var (height, width) in shapes)
                {
                    for (var p = 0; p < points; p++, at++)
                    {
                        if (!point.Locate((locations[(2 * at) + 1] * height) - 0.5f, (locations[2 * at] * width) - 0.5f, height, width))
                        {
                            gradWeights[at] = gradLocations[2 * at] = gradLocations[(2 * at) + 1] = 0;
                            continue;
                        }

                        var map = value + level;
                        float* topLeft = At(map, point.TopLeft, zeros), topRight = At(map, point.TopRight, zeros);
                        float* bottomLeft = At(map, point.BottomLeft, zeros), bottomRight = At(map, point.BottomRight, zeros);
                        Vector256<float> a = default, b = default, c = default, d = default;
                        for (var i = 0L; i < count; i += Lanes)
                        {
                            var g = Vector256.Load(source + i);
                            a = Vector256.FusedMultiplyAdd(g, Vector256.Load(topLeft + i), a);
                            b = Vector256.FusedMultiplyAdd(g, Vector256.Load(topRight + i), b);
                            c = Vector256.FusedMultiplyAdd(g, Vector256.Load(bottomLeft + i), c);
                            d = Vector256.FusedMultiplyAdd(g, Vector256.Load(bottomRight + i), d);
                        }

                        var sums = VectorSums.Of(a, b, c, d);
                        var weight = weights[at];
                        var (product, byRow, byColumn) = point.Derivatives(sums[0], sums[1], sums[2], sums[3]);
                        gradWeights[at] = product;
                        gradLocations[2 * at] = byColumn * weight * width;
                        gradLocations[(2 * at) + 1] = byRow * weight * height;
                        if (gradValue == null) continue;
                        var shares = point.Shares(weight);
                        Add(At(gradValue + level, point.TopLeft, sink), source, shares.TopLeft, count);
                        Add(At(gradValue + level, point.TopRight, sink), source, shares.TopRight, count);
                        Add(At(gradValue + level, point.BottomLeft, sink), source, shares.BottomLeft, count);
                        Add(At(gradValue + level, point.BottomRight, sink), source, shares.BottomRight, count);
                    }

                    level += (long)height * width * _row;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    float* At(float* map, int pixel, float* outside) => pixel < 0 ? outside : map + (pixel * _row);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(float* target, float* source, float factor, long count)
    {
        var f = Vector256.Create(factor);
        for (var i = 0L; i < count; i += Lanes) Vector256.FusedMultiplyAdd(f, Vector256.Load(source + i), Vector256.Load(target + i)).Store(target + i);
    }

    // The weighted sum of rows of D floats.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Sum(float** rows, float* share, int count, float* y)
    {
        var i = 0L;
        for (; i + (4 * Lanes) <= dim; i += 4 * Lanes)
        {
            Vector256<float> a = default, b = default, c = default, d = default;
            for (var n = 0; n < count; n++)
            {
                var s = Vector256.Create(share[n]);
                var row = rows[n] + i;
                a = Vector256.FusedMultiplyAdd(s, Vector256.Load(row), a);
                b = Vector256.FusedMultiplyAdd(s, Vector256.Load(row + Lanes), b);
                c = Vector256.FusedMultiplyAdd(s, Vector256.Load(row + (2 * Lanes)), c);
                d = Vector256.FusedMultiplyAdd(s, Vector256.Load(row + (3 * Lanes)), d);
            }

            a.Store(y + i);
            b.Store(y + i + Lanes);
            c.Store(y + i + (2 * Lanes));
            d.Store(y + i + (3 * Lanes));
        }

        for (; i < dim; i += Lanes)
        {
            var sum = Vector256<float>.Zero;
            for (var n = 0; n < count; n++) sum = Vector256.FusedMultiplyAdd(Vector256.Create(share[n]), Vector256.Load(rows[n] + i), sum);
            sum.Store(y + i);
        }
    }
}
