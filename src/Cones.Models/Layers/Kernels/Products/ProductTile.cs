using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cones.Models.Layers.Kernels.Products;

/// <summary>
/// The innermost loops of matrix products: a tile of 8 x 32 or 8 x 16 results stays in registers while the depth is passed
/// through. At 8 x 32 every fused multiply-add of a processor with AVX-512 is used, without waiting for memory.
/// </summary>
static unsafe class ProductTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 8;

    /// <summary>Columns of the wide tile.</summary>
    public const int Wide = 32;

    /// <summary>Columns of the narrow tile.</summary>
    public const int Narrow = 16;

    /// <summary>Whether the processor has the vectors that the tiles are written for.</summary>
    public static bool IsSupported => Vector512.IsHardwareAccelerated;

    /// <summary>
    /// C = A B, or C += A B, for at most 8 rows and at most 32 columns.
    /// </summary>
    /// <param name="a">Element (i, p) lies at <c>a[i * rowStride + p * depthStride]</c>.</param>
    /// <param name="rowStride">From row to row of A.</param>
    /// <param name="depthStride">From column to column of A.</param>
    /// <param name="b">B, <paramref name="depth"/> rows of <paramref name="bStride"/>; of the wide tile 32 columns must be readable, of the narrow one 16.</param>
    /// <param name="bStride">From row to row of B.</param>
    /// <param name="c">C, row by row.</param>
    /// <param name="cStride">From row to row of C.</param>
    /// <param name="depth">The length of the sums.</param>
    /// <param name="rows">The valid rows, 1 to 8.</param>
    /// <param name="columns">The valid columns, 1 to 32; up to 16 the narrow tile is used.</param>
    /// <param name="accumulate">Whether C is added to.</param>
    public static void Run(
        float* a, long rowStride, long depthStride, float* b, long bStride, float* c, long cStride, long depth, int rows, int columns, bool accumulate)
    {
        if (rows == Rows && columns == Wide)
        {
            Run8x32(a, rowStride, depthStride, b, bStride, c, cStride, depth, Rows, accumulate);
            return;
        }

        if (rows == Rows && columns == Narrow)
        {
            Run8x16(a, rowStride, depthStride, b, bStride, c, cStride, depth, Rows, accumulate);
            return;
        }

        var tile = stackalloc float[Rows * Wide];
        if (columns > Narrow) Run8x32(a, rowStride, depthStride, b, bStride, tile, Wide, depth, rows, accumulate: false);
        else Run8x16(a, rowStride, depthStride, b, bStride, tile, Wide, depth, rows, accumulate: false);
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++)
                c[(i * cStride) + j] = accumulate ? c[(i * cStride) + j] + tile[(i * Wide) + j] : tile[(i * Wide) + j];
    }

    // Rows beyond the valid ones repeat the last one: what they give is not used.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Run8x32(
        float* a, long rowStride, long depthStride, float* b, long bStride, float* c, long cStride, long depth, int rows, bool accumulate)
    {
        float* a0 = a, a1 = a + (rowStride * Math.Min(1, rows - 1)), a2 = a + (rowStride * Math.Min(2, rows - 1)), a3 = a + (rowStride * Math.Min(3, rows - 1));
        float* a4 = a + (rowStride * Math.Min(4, rows - 1)), a5 = a + (rowStride * Math.Min(5, rows - 1)), a6 = a + (rowStride * Math.Min(6, rows - 1)), a7 = a + (rowStride * Math.Min(7, rows - 1));
        Vector512<float> left0 = default, left1 = default, left2 = default, left3 = default, left4 = default, left5 = default, left6 = default, left7 = default;
        Vector512<float> right0 = default, right1 = default, right2 = default, right3 = default, right4 = default, right5 = default, right6 = default, right7 = default;
        var at = 0L;
        for (var p = 0L; p < depth; p++)
        {
            var left = Vector512.Load(b);
            var right = Vector512.Load(b + 16);
            b += bStride;
            var x = Vector512.Create(a0[at]);
            left0 = Vector512.FusedMultiplyAdd(x, left, left0);
            right0 = Vector512.FusedMultiplyAdd(x, right, right0);
            x = Vector512.Create(a1[at]);
            left1 = Vector512.FusedMultiplyAdd(x, left, left1);
            right1 = Vector512.FusedMultiplyAdd(x, right, right1);
            x = Vector512.Create(a2[at]);
            left2 = Vector512.FusedMultiplyAdd(x, left, left2);
            right2 = Vector512.FusedMultiplyAdd(x, right, right2);
            x = Vector512.Create(a3[at]);
            left3 = Vector512.FusedMultiplyAdd(x, left, left3);
            right3 = Vector512.FusedMultiplyAdd(x, right, right3);
            x = Vector512.Create(a4[at]);
            left4 = Vector512.FusedMultiplyAdd(x, left, left4);
            right4 = Vector512.FusedMultiplyAdd(x, right, right4);
            x = Vector512.Create(a5[at]);
            left5 = Vector512.FusedMultiplyAdd(x, left, left5);
            right5 = Vector512.FusedMultiplyAdd(x, right, right5);
            x = Vector512.Create(a6[at]);
            left6 = Vector512.FusedMultiplyAdd(x, left, left6);
            right6 = Vector512.FusedMultiplyAdd(x, right, right6);
            x = Vector512.Create(a7[at]);
            left7 = Vector512.FusedMultiplyAdd(x, left, left7);
            right7 = Vector512.FusedMultiplyAdd(x, right, right7);
            at += depthStride;
        }

        Store(c, left0, right0, accumulate);
        Store(c += cStride, left1, right1, accumulate);
        Store(c += cStride, left2, right2, accumulate);
        Store(c += cStride, left3, right3, accumulate);
        Store(c += cStride, left4, right4, accumulate);
        Store(c += cStride, left5, right5, accumulate);
        Store(c += cStride, left6, right6, accumulate);
        Store(c + cStride, left7, right7, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Run8x16(
        float* a, long rowStride, long depthStride, float* b, long bStride, float* c, long cStride, long depth, int rows, bool accumulate)
    {
        float* a0 = a, a1 = a + (rowStride * Math.Min(1, rows - 1)), a2 = a + (rowStride * Math.Min(2, rows - 1)), a3 = a + (rowStride * Math.Min(3, rows - 1));
        float* a4 = a + (rowStride * Math.Min(4, rows - 1)), a5 = a + (rowStride * Math.Min(5, rows - 1)), a6 = a + (rowStride * Math.Min(6, rows - 1)), a7 = a + (rowStride * Math.Min(7, rows - 1));
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        var at = 0L;
        for (var p = 0L; p < depth; p++)
        {
            var line = Vector512.Load(b);
            b += bStride;
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a0[at]), line, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(a1[at]), line, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(a2[at]), line, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(a3[at]), line, c3);
            c4 = Vector512.FusedMultiplyAdd(Vector512.Create(a4[at]), line, c4);
            c5 = Vector512.FusedMultiplyAdd(Vector512.Create(a5[at]), line, c5);
            c6 = Vector512.FusedMultiplyAdd(Vector512.Create(a6[at]), line, c6);
            c7 = Vector512.FusedMultiplyAdd(Vector512.Create(a7[at]), line, c7);
            at += depthStride;
        }

        Store(c, c0, accumulate);
        Store(c += cStride, c1, accumulate);
        Store(c += cStride, c2, accumulate);
        Store(c += cStride, c3, accumulate);
        Store(c += cStride, c4, accumulate);
        Store(c += cStride, c5, accumulate);
        Store(c += cStride, c6, accumulate);
        Store(c + cStride, c7, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(float* c, Vector512<float> left, Vector512<float> right, bool accumulate)
    {
        Store(c, left, accumulate);
        Store(c + 16, right, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(float* c, Vector512<float> value, bool accumulate) => (accumulate ? Vector512.Load(c) + value : value).Store(c);
}
