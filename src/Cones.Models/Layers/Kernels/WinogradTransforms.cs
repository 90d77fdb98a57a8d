using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// The transforms of Winograd's F(4x4, 3x3): a 3 x 3 convolution of tiles of 4 x 4 pixels becomes 36 matrix products with a
/// quarter of the multiplications (Lavin and Gray, arXiv 1509.09308).
/// </summary>
/// <remarks>
/// The interpolation points are 0, ±3/4, ±4/3 and infinity. They keep the rounding error within about twice that of a direct
/// float32 convolution, several times below that of the customary 0, ±1, ±2 (compare arXiv 1803.10986). And they are closed
/// under p -> 1/p, which reverses the kernel: the products of the backward pass take the same transformed weights, with the
/// points exchanged in pairs and scaled.
/// </remarks>
static unsafe class WinogradTransforms
{
    /// <summary>Output pixels of a tile on a side.</summary>
    public const int Tile = 4;

    /// <summary>Points on a side: 4 + 3 - 1.</summary>
    public const int Points = 6;

    /// <summary>An interpolation point.</summary>
    public const float A = 3f / 4;

    /// <summary>The other interpolation point.</summary>
    public const float B = 4f / 3;

    /// <summary>A².</summary>
    public const float A2 = A * A;

    /// <summary>B².</summary>
    public const float B2 = B * B;

    /// <summary>A³.</summary>
    public const float A3 = A * A * A;

    /// <summary>B³.</summary>
    public const float B3 = B * B * B;

    const int Lanes = 8;
    const float Sum2 = A2 + B2;

    /// <summary>The weights of each point in terms of the kernel's three taps; rows in the order 0, a, -a, b, -b, infinity.</summary>
    public static double[,] KernelMatrix { get; } = MakeKernelMatrix();

    /// <summary>Transforms tiles of the input, reading zeros beyond its border.</summary>
    /// <param name="x">[B, H, W, C]; C a multiple of 8.</param>
    /// <param name="v">[36, tiles, C]: the transformed tiles from <paramref name="first"/> on.</param>
    /// <param name="first">The first tile, counted through rows, columns and samples.</param>
    /// <param name="tiles">The number of tiles.</param>
    /// <param name="size">H, W and C.</param>
    /// <param name="reversed">For the backward pass: the kernel is reversed.</param>
    public static void Input(float* x, float* v, long first, long tiles, (long Height, long Width, long Channels) size, bool reversed)
    {
        var (height, width, channels) = size;
        long rows = (height + Tile - 1) / Tile, columns = (width + Tile - 1) / Tile;
        ParallelRange.Run(tiles, 4, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (from, to) =>
        {
            var between = stackalloc Vector256<float>[Points * Points];
            var pixels = stackalloc float*[Points * Points];
            for (var t = from; t < to; t++)
            {
                var tile = first + t;
                var sample = x + (tile / (rows * columns) * height * width * channels);
                long top = (tile / columns % rows * Tile) - 1, left = (tile % columns * Tile) - 1;
                for (var i = 0; i < Points; i++)
                    for (var j = 0; j < Points; j++)
                    {
                        var inside = top + i >= 0 && top + i < height && left + j >= 0 && left + j < width;
                        pixels[(i * Points) + j] = inside ? sample + ((((top + i) * width) + left + j) * channels) : null;
                    }

                for (var c = 0L; c < channels; c += Lanes)
                {
                    for (var j = 0; j < Points; j++)
                    {
                        Transform(
                            Load(pixels[j], c), Load(pixels[Points + j], c), Load(pixels[(2 * Points) + j], c),
                            Load(pixels[(3 * Points) + j], c), Load(pixels[(4 * Points) + j], c), Load(pixels[(5 * Points) + j], c),
                            between + j, Points, reversed);
                    }

                    var target = v + (t * channels) + c;
                    var stride = tiles * channels;
                    for (var i = 0; i < Points; i++)
                    {
                        var row = between + (i * Points);
                        Transform(row[0], row[1], row[2], row[3], row[4], row[5], row, 1, reversed);
                        for (var j = 0; j < Points; j++) row[j].Store(target + (((i * Points) + j) * stride));
                    }
                }
            }
        });

        static Vector256<float> Load(float* pixel, long channel) => pixel == null ? Vector256<float>.Zero : Vector256.Load(pixel + channel);
    }

    /// <summary>Transforms the products back into pixels, and adds what the caller wants added.</summary>
    /// <param name="m">[36, tiles, C], the products from tile <paramref name="first"/> on; C a multiple of 8.</param>
    /// <param name="bias">[C] or null.</param>
    /// <param name="perSample">[B, C] or null.</param>
    /// <param name="residual">[B, H, W, C] or null.</param>
    /// <param name="y">[B, H, W, C].</param>
    /// <param name="first">The first tile, counted through rows, columns and samples.</param>
    /// <param name="tiles">The number of tiles.</param>
    /// <param name="size">H, W and C.</param>
    /// <param name="reversed">For the backward pass: the kernel is reversed.</param>
    public static void Output(
        float* m, float* bias, float* perSample, float* residual, float* y, long first, long tiles, (long Height, long Width, long Channels) size, bool reversed)
    {
        var (height, width, channels) = size;
        long rows = (height + Tile - 1) / Tile, columns = (width + Tile - 1) / Tile;
        ParallelRange.Run(tiles, 4, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (from, to) =>
        {
            var between = stackalloc Vector256<float>[Points * Tile];
            var line = stackalloc Vector256<float>[Tile];
            for (var t = from; t < to; t++)
            {
                var tile = first + t;
                var sample = tile / (rows * columns);
                long top = tile / columns % rows * Tile, left = tile % columns * Tile;
                var validRows = Math.Min(Tile, height - top);
                var validColumns = Math.Min(Tile, width - left);
                var stride = tiles * channels;
                for (var c = 0L; c < channels; c += Lanes)
                {
                    var source = m + (t * channels) + c;
                    for (var i = 0; i < Points; i++)
                    {
                        var row = source + (i * Points * stride);
                        Restore(
                            Vector256.Load(row), Vector256.Load(row + stride), Vector256.Load(row + (2 * stride)), Vector256.Load(row + (3 * stride)),
                            Vector256.Load(row + (4 * stride)), Vector256.Load(row + (5 * stride)), between + (i * Tile), 1, reversed);
                    }

                    var added = bias == null ? Vector256<float>.Zero : Vector256.Load(bias + c);
                    if (perSample != null) added += Vector256.Load(perSample + (sample * channels) + c);
                    for (var j = 0; j < validColumns; j++)
                    {
                        Restore(between[j], between[Tile + j], between[(2 * Tile) + j], between[(3 * Tile) + j], between[(4 * Tile) + j], between[(5 * Tile) + j], line, 1, reversed);
                        for (var i = 0; i < validRows; i++)
                        {
                            var at = (((((sample * height) + top + i) * width) + left + j) * channels) + c;
                            var value = line[i] + added;
                            if (residual != null) value += Vector256.Load(residual + at);
                            value.Store(y + at);
                        }
                    }
                }
            }
        });
    }

    // One column of B^T d. Reversed: the row of the inverse point, with the factor that the reversal brings.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transform(
        Vector256<float> d0, Vector256<float> d1, Vector256<float> d2, Vector256<float> d3, Vector256<float> d4, Vector256<float> d5,
        Vector256<float>* result, int stride, bool reversed)
    {
        var zero = Vector256.FusedMultiplyAdd(d2, Vector256.Create(-Sum2), d0 + d4);
        var infinity = Vector256.FusedMultiplyAdd(d3, Vector256.Create(-Sum2), d1 + d5);
        // Even and odd powers of the points ±a and ±b.
        var evenA = Vector256.FusedMultiplyAdd(d2, Vector256.Create(-B2), d4);
        var oddA = Vector256.FusedMultiplyAdd(d3, Vector256.Create(A), d1 * -B);
        var evenB = Vector256.FusedMultiplyAdd(d2, Vector256.Create(-A2), d4);
        var oddB = Vector256.FusedMultiplyAdd(d3, Vector256.Create(B), d1 * -A);
        if (reversed)
        {
            (zero, infinity) = (infinity, zero);
            (evenA, evenB) = (evenB * -A2, evenA * -B2);
            (oddA, oddB) = (oddB * -A2, oddA * -B2);
        }

        result[0] = zero;
        result[stride] = evenA + oddA;
        result[2 * stride] = evenA - oddA;
        result[3 * stride] = evenB + oddB;
        result[4 * stride] = evenB - oddB;
        result[5 * stride] = infinity;
    }

    // One row of A^T m.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Restore(
        Vector256<float> zero, Vector256<float> plusA, Vector256<float> minusA, Vector256<float> plusB, Vector256<float> minusB, Vector256<float> infinity,
        Vector256<float>* result, int stride, bool reversed)
    {
        if (reversed)
        {
            (zero, infinity) = (infinity, zero);
            (plusA, plusB) = (plusB, plusA);
            (minusA, minusB) = (minusB, minusA);
        }

        Vector256<float> evenA = plusA + minusA, oddA = plusA - minusA, evenB = plusB + minusB, oddB = plusB - minusB;
        result[0] = zero + evenA + evenB;
        result[stride] = Vector256.FusedMultiplyAdd(oddA, Vector256.Create(A), oddB * B);
        result[2 * stride] = Vector256.FusedMultiplyAdd(evenA, Vector256.Create(A2), evenB * B2);
        result[3 * stride] = Vector256.FusedMultiplyAdd(oddA, Vector256.Create(A3), Vector256.FusedMultiplyAdd(oddB, Vector256.Create(B3), infinity));
    }

    static double[,] MakeKernelMatrix()
    {
        const double a = 3.0 / 4, b = 4.0 / 3;
        double[] points = [0, a, -a, b, -b];
        var matrix = new double[Points, 3];
        for (var k = 0; k < points.Length; k++)
        {
            var scale = 1.0;
            for (var other = 0; other < points.Length; other++)
                if (other != k) scale *= points[k] - points[other];
            for (var tap = 0; tap < 3; tap++) matrix[k, tap] = Math.Pow(points[k], tap) / scale;
        }

        matrix[Points - 1, 2] = 1;
        return matrix;
    }
}
