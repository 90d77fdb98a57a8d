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
    const int Corners = SamplingPoints.Corners;

    readonly SamplingPoints _points = new(shapes, points, (int)dim);

    /// <summary>Writes y [B, Q, heads, D].</summary>
    /// <param name="value">[B, heads, S, D]: what neighbouring queries read of one head then shares cache lines' sets with nothing else.</param>
    /// <param name="locations">[B, Q, heads, levels, points, 2].</param>
    /// <param name="weights">[B, Q, heads, levels, points].</param>
    /// <param name="y">The result.</param>
    public void Forward(float* value, float* locations, float* weights, float* y)
    {
        // Head by head, since what neighbouring queries read of one head stays in the cache.
        ParallelRange.Run(batch * heads * queries, Math.Max(1, 4096 / _points.Count), (from, to) => ForwardQueries(from, to, value, locations, weights, y));
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
    void ForwardQueries(long from, long to, float* value, float* locations, float* weights, float* y)
    {
        var (count, padded) = (_points.Count, _points.Padded);
        var location = stackalloc float[2 * padded];
        var weight = stackalloc float[padded];
        var pixel = stackalloc int[Corners * padded];
        var share = stackalloc float[Corners * padded];
        for (var n = from; n < to; n++)
        {
            var (part, query) = Math.DivRem(n, queries);
            var (sample, head) = Math.DivRem(part, heads);
            var at = (((sample * queries) + query) * heads) + head;
            Copy(locations + (2 * at * count), location, 2 * count);
            Copy(weights + (at * count), weight, count);
            _points.Locate(location, weight, pixel, share, null);
            Sum(value + (part * pixels * dim), pixel, share, Corners * padded, y + (at * dim), dim);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void BackwardHead(
        long sample, long head, float* value, float* locations, float* weights, float* gradient, float* gradValue, float* gradLocations, float* gradWeights)
    {
        var (count, padded, width) = (_points.Count, _points.Padded, dim);
        var location = stackalloc float[2 * padded];
        var weight = stackalloc float[padded];
        var pixel = stackalloc int[Corners * padded];
        var share = stackalloc float[Corners * padded];
        var geometry = stackalloc float[(Corners + 2) * padded];
        var product = stackalloc float[Corners * padded];
        new Span<float>(product, Corners * padded).Clear();
        var first = ((sample * heads) + head) * pixels * dim;
        for (var query = sample * queries; query < (sample + 1) * queries; query++)
        {
            var at = (query * heads) + head;
            Copy(locations + (2 * at * count), location, 2 * count);
            Copy(weights + (at * count), weight, count);
            _points.Locate(location, weight, pixel, share, geometry);
            Scatter(gradient + (at * width), value + first, gradValue == null ? null : gradValue + first, pixel, share, product, count, padded, (nint)width);
            _points.Derivatives(product, weight, geometry, location, weight);
            Copy(location, gradLocations + (2 * at * count), 2 * count);
            Copy(weight, gradWeights + (at * count), count);
        }
    }

    // For each point the products of the gradient with its four rows of D floats, and the gradient's share in theirs. Not
    // inlined, to have all registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static void Scatter(float* gradient, float* map, float* gradMap, int* pixel, float* share, float* product, nint count, nint padded, nint dim)
    {
        for (nint n = 0; n < count; n++)
        {
            nint topLeft = pixel[n], topRight = pixel[padded + n], bottomLeft = pixel[(2 * padded) + n], bottomRight = pixel[(3 * padded) + n];
            Vector256<float> a = default, b = default, c = default, d = default;
            for (nint i = 0; i < dim; i += Lanes)
            {
                var g = Vector256.Load(gradient + i);
                a = Vector256.FusedMultiplyAdd(g, Vector256.Load(map + topLeft + i), a);
                b = Vector256.FusedMultiplyAdd(g, Vector256.Load(map + topRight + i), b);
                c = Vector256.FusedMultiplyAdd(g, Vector256.Load(map + bottomLeft + i), c);
                d = Vector256.FusedMultiplyAdd(g, Vector256.Load(map + bottomRight + i), d);
            }

            var sums = VectorSums.Of(a, b, c, d);
            (product[n], product[padded + n], product[(2 * padded) + n], product[(3 * padded) + n]) = (sums[0], sums[1], sums[2], sums[3]);
            if (gradMap == null) continue;
            Add(gradMap + topLeft, gradient, share[n], dim);
            Add(gradMap + topRight, gradient, share[padded + n], dim);
            Add(gradMap + bottomLeft, gradient, share[(2 * padded) + n], dim);
            Add(gradMap + bottomRight, gradient, share[(3 * padded) + n], dim);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(float* target, float* source, float factor, nint count)
    {
        var f = Vector256.Create(factor);
        for (nint i = 0; i < count; i += Lanes) Vector256.FusedMultiplyAdd(f, Vector256.Load(source + i), Vector256.Load(target + i)).Store(target + i);
    }

    // The weighted sum of rows of D floats. Not inlined, to have all registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static void Sum(float* map, int* pixel, float* share, int count, float* y, long dim)
    {
        for (; dim >= 4 * Lanes; dim -= 4 * Lanes, map += 4 * Lanes, y += 4 * Lanes)
        {
            Vector256<float> a = default, b = default, c = default, d = default;
            for (nint n = 0; n < count; n++)
            {
                var s = Vector256.Create(share[n]);
                var row = map + pixel[n];
                a = Vector256.FusedMultiplyAdd(s, Vector256.Load(row), a);
                b = Vector256.FusedMultiplyAdd(s, Vector256.Load(row + Lanes), b);
                c = Vector256.FusedMultiplyAdd(s, Vector256.Load(row + (2 * Lanes)), c);
                d = Vector256.FusedMultiplyAdd(s, Vector256.Load(row + (3 * Lanes)), d);
            }

            a.Store(y);
            b.Store(y + Lanes);
            c.Store(y + (2 * Lanes));
            d.Store(y + (3 * Lanes));
        }

        for (; dim > 0; dim -= Lanes, map += Lanes, y += Lanes)
        {
            var sum = Vector256<float>.Zero;
            for (nint n = 0; n < count; n++) sum = Vector256.FusedMultiplyAdd(Vector256.Create(share[n]), Vector256.Load(map + pixel[n]), sum);
            sum.Store(y);
        }
    }

    static void Copy(float* source, float* target, int count) => new Span<float>(source, count).CopyTo(new Span<float>(target, count));
}
