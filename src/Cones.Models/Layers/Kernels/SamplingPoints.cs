using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// The points that a query of deformable attention reads on all levels, eight at a time: which four pixels each lies between
/// and their shares. Pixels beyond the border are zeros, as in <c>grid_sample</c> with zero padding.
/// </summary>
/// <remarks>Corners are top left, top right, bottom left, bottom right; arrays of corners have one row for each.</remarks>
sealed unsafe class SamplingPoints
{
    /// <summary>Corners of a point.</summary>
    public const int Corners = 4;

    const int Lanes = 8;

    readonly float[] _height;
    readonly float[] _width;
    readonly int[] _start;
    readonly int _row;

    /// <param name="shapes">Height and width of each level.</param>
    /// <param name="points">Points on a level.</param>
    /// <param name="row">Floats from one pixel to the next.</param>
    public SamplingPoints((int Height, int Width)[] shapes, int points, int row)
    {
        Count = shapes.Length * points;
        Padded = (Count + Lanes - 1) / Lanes * Lanes;
        _row = row;
        (_height, _width, _start) = (new float[Padded], new float[Padded], new int[Padded]);
        Array.Fill(_height, 1);
        Array.Fill(_width, 1);
        var first = 0;
        for (var i = 0; i < Count; i++)
        {
            var (height, width) = shapes[i / points];
            if (i > 0 && i % points == 0) first += shapes[(i / points) - 1].Height * shapes[(i / points) - 1].Width;
            (_height[i], _width[i], _start[i]) = (height, width, first * row);
        }
    }

    /// <summary>The number of points.</summary>
    public int Count { get; }

    /// <summary>The number of points rounded up to eight: the length of every array. What is beyond <see cref="Count"/> has no share.</summary>
    public int Padded { get; }

    /// <summary>Finds the pixels and their shares.</summary>
    /// <param name="locations">[padded, 2]: x, y, from 0 to 1.</param>
    /// <param name="weights">[padded].</param>
    /// <param name="pixels">[4, padded]: where each corner's values begin; 0 or another valid place for those beyond the border.</param>
    /// <param name="shares">[4, padded]: each corner's share in the sum.</param>
    /// <param name="geometry">[6, padded] for <see cref="Derivatives"/>: down, right, and 1 for each corner within the border, else 0; or null.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Locate(float* locations, float* weights, int* pixels, float* shares, float* geometry)
    {
        fixed (float* heights = _height, widths = _width)
        fixed (int* starts = _start)
            for (var i = 0; i < Padded; i += Lanes)
            {
                var (x, y) = Split(Vector256.Load(locations + (2 * i)), Vector256.Load(locations + (2 * i) + Lanes));
                Vector256<float> height = Vector256.Load(heights + i), width = Vector256.Load(widths + i);
                var half = Vector256.Create(0.5f);
                y = Vector256.MultiplyAddEstimate(y, height, -half);
                x = Vector256.MultiplyAddEstimate(x, width, -half);
                Vector256<float> top = Vector256.Floor(y), left = Vector256.Floor(x);
                var one = Vector256<float>.One;
                var (last, end) = (height - one, width - one);

                // Comparisons are false for what is no number.
                var hasTop = Vector256.GreaterThanOrEqual(top, Vector256<float>.Zero) & Vector256.LessThanOrEqual(top, last);
                var hasBottom = Vector256.GreaterThanOrEqual(top, -one) & Vector256.LessThan(top, last);
                var hasLeft = Vector256.GreaterThanOrEqual(left, Vector256<float>.Zero) & Vector256.LessThanOrEqual(left, end);
                var hasRight = Vector256.GreaterThanOrEqual(left, -one) & Vector256.LessThan(left, end);
                var inside = (hasTop | hasBottom) & (hasLeft | hasRight);
                Vector256<float> down = (y - top) & inside, right = (x - left) & inside;

                var weight = Vector256.Load(weights + i);
                var (lower, upper) = (down * weight, (one - down) * weight);
                var first = Vector256.FusedMultiplyAdd(top, width, left);
                var start = Vector256.Load(starts + i);
                Corner(0, hasTop & hasLeft, first, upper * (one - right));
                Corner(1, hasTop & hasRight, first + one, upper * right);
                Corner(2, hasBottom & hasLeft, first + width, lower * (one - right));
                Corner(3, hasBottom & hasRight, first + width + one, lower * right);
                if (geometry == null) continue;
                down.Store(geometry + i);
                right.Store(geometry + Padded + i);

                [MethodImpl(MethodImplOptions.AggressiveInlining)]
                void Corner(int corner, Vector256<float> exists, Vector256<float> pixel, Vector256<float> share)
                {
                    var at = (corner * Padded) + i;
                    ((Vector256.ConvertToInt32Native(pixel & exists) * _row) + start).Store(pixels + at);
                    (share & exists).Store(shares + at);
                    if (geometry != null) (one & exists).Store(geometry + ((2 + corner) * Padded) + i);
                }
            }
    }

    /// <summary>What follows for weights and locations, given the products of a gradient with the pixels.</summary>
    /// <param name="products">[4, padded].</param>
    /// <param name="weights">[padded].</param>
    /// <param name="geometry">From <see cref="Locate"/>.</param>
    /// <param name="gradLocations">[padded, 2]: written.</param>
    /// <param name="gradWeights">[padded]: written; may be <paramref name="weights"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Derivatives(float* products, float* weights, float* geometry, float* gradLocations, float* gradWeights)
    {
        fixed (float* heights = _height, widths = _width)
            for (var i = 0; i < Padded; i += Lanes)
            {
                Vector256<float> down = Vector256.Load(geometry + i), right = Vector256.Load(geometry + Padded + i);
                var topLeft = Product(products, geometry, 0, i);
                var topRight = Product(products, geometry, 1, i);
                var bottomLeft = Product(products, geometry, 2, i);
                var bottomRight = Product(products, geometry, 3, i);
                var top = Vector256.FusedMultiplyAdd(right, topRight - topLeft, topLeft);
                var bottom = Vector256.FusedMultiplyAdd(right, bottomRight - bottomLeft, bottomLeft);
                var toLeft = Vector256.FusedMultiplyAdd(down, bottomLeft - topLeft, topLeft);
                var toRight = Vector256.FusedMultiplyAdd(down, bottomRight - topRight, topRight);
                var weight = Vector256.Load(weights + i);
                Vector256.FusedMultiplyAdd(down, bottom - top, top).Store(gradWeights + i);
                var (first, second) = Join((toRight - toLeft) * weight * Vector256.Load(widths + i), (bottom - top) * weight * Vector256.Load(heights + i));
                first.Store(gradLocations + (2 * i));
                second.Store(gradLocations + (2 * i) + Lanes);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector256<float> Product(float* products, float* geometry, int corner, int i) =>
        Vector256.Load(products + (corner * Padded) + i) * Vector256.Load(geometry + ((2 + corner) * Padded) + i);

    // x0 y0 x1 y1 ... -> x0 x1 ..., y0 y1 ...
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector256<float> X, Vector256<float> Y) Split(Vector256<float> first, Vector256<float> second)
    {
        var low = Avx.Permute2x128(first, second, 0x20);
        var high = Avx.Permute2x128(first, second, 0x31);
        return (Avx.Shuffle(low, high, 0b10_00_10_00), Avx.Shuffle(low, high, 0b11_01_11_01));
    }

    // The inverse of Split.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector256<float> First, Vector256<float> Second) Join(Vector256<float> x, Vector256<float> y)
    {
        Vector256<float> low = Avx.UnpackLow(x, y), high = Avx.UnpackHigh(x, y);
        return (Avx.Permute2x128(low, high, 0x20), Avx.Permute2x128(low, high, 0x31));
    }
}
