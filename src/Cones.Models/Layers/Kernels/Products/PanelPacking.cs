using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cones.Models.Layers.Kernels.Products;

/// <summary>Copies a part of a matrix into a panel, [depth, 32], that <see cref="ProductTile"/> reads line by line.</summary>
static unsafe class PanelPacking
{
    const int Width = ProductTile.Wide;

    /// <summary>Packs columns of a matrix that lies row by row: <c>panel[p][j] = b[p * stride + j]</c>; what is beyond <paramref name="columns"/> becomes 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows(float* b, long stride, float* panel, long depth, int columns)
    {
        if (columns == Width)
        {
            for (var p = 0L; p < depth; p++, b += stride, panel += Width)
            {
                Vector512.Load(b).Store(panel);
                Vector512.Load(b + 16).Store(panel + 16);
            }

            return;
        }

        for (var p = 0L; p < depth; p++, b += stride, panel += Width)
            for (var j = 0; j < Width; j++) panel[j] = j < columns ? b[j] : 0;
    }

    /// <summary>Packs rows of a matrix as columns: <c>panel[p][j] = b[j * stride + p]</c>; what is beyond <paramref name="columns"/> becomes 0.</summary>
    public static void Transposed(float* b, long stride, float* panel, long depth, int columns)
    {
        Transpose(b, stride, panel, Width, columns, depth);
        for (var j = columns; j < Width; j++)
            for (var p = 0L; p < depth; p++) panel[(p * Width) + j] = 0;
    }

    /// <summary>Packs up to eight rows as columns: <c>panel[p][i] = a[i * stride + p]</c>, [depth, 8]; what is beyond <paramref name="rows"/> is left as it is.</summary>
    public static void Tall(float* a, long stride, float* panel, long depth, int rows) => Transpose(a, stride, panel, ProductTile.Rows, rows, depth);

    /// <summary><c>target[c * targetStride + r] = source[r * sourceStride + c]</c>.</summary>
    public static void Transpose(float* source, long sourceStride, float* target, long targetStride, long rows, long columns)
    {
        var row = 0L;
        for (; row + 8 <= rows; row += 8) Transpose8(source + (row * sourceStride), sourceStride, target + row, targetStride, columns);
        for (; row < rows; row++)
            for (var c = 0L; c < columns; c++) target[(c * targetStride) + row] = source[(row * sourceStride) + c];
    }

    // Eight rows become eight columns, in blocks of 8 x 8.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transpose8(float* b, long stride, float* panel, long width, long depth)
    {
        var p = 0L;
        for (; p + 8 <= depth; p += 8)
        {
            var source = b + p;
            Vector256<float> r0 = Vector256.Load(source), r1 = Vector256.Load(source + stride), r2 = Vector256.Load(source + (2 * stride)), r3 = Vector256.Load(source + (3 * stride));
            source += 4 * stride;
            Vector256<float> r4 = Vector256.Load(source), r5 = Vector256.Load(source + stride), r6 = Vector256.Load(source + (2 * stride)), r7 = Vector256.Load(source + (3 * stride));

            // Pairs of rows, then quarters, then halves change places.
            var (s0, s1) = Interleave(r0, r1);
            var (s2, s3) = Interleave(r2, r3);
            var (s4, s5) = Interleave(r4, r5);
            var (s6, s7) = Interleave(r6, r7);
            var (t0, t1) = InterleavePairs(s0, s2);
            var (t2, t3) = InterleavePairs(s1, s3);
            var (t4, t5) = InterleavePairs(s4, s6);
            var (t6, t7) = InterleavePairs(s5, s7);
            var target = panel + (p * width);
            Vector256.Create(t0.GetLower(), t4.GetLower()).Store(target);
            Vector256.Create(t1.GetLower(), t5.GetLower()).Store(target + width);
            Vector256.Create(t2.GetLower(), t6.GetLower()).Store(target + (2 * width));
            Vector256.Create(t3.GetLower(), t7.GetLower()).Store(target + (3 * width));
            Vector256.Create(t0.GetUpper(), t4.GetUpper()).Store(target + (4 * width));
            Vector256.Create(t1.GetUpper(), t5.GetUpper()).Store(target + (5 * width));
            Vector256.Create(t2.GetUpper(), t6.GetUpper()).Store(target + (6 * width));
            Vector256.Create(t3.GetUpper(), t7.GetUpper()).Store(target + (7 * width));
        }

        for (; p < depth; p++)
            for (var j = 0; j < 8; j++) panel[(p * width) + j] = b[(j * stride) + p];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector256<float> Low, Vector256<float> High) Interleave(Vector256<float> a, Vector256<float> b) =>
        (System.Runtime.Intrinsics.X86.Avx.UnpackLow(a, b), System.Runtime.Intrinsics.X86.Avx.UnpackHigh(a, b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector256<float> Low, Vector256<float> High) InterleavePairs(Vector256<float> a, Vector256<float> b) =>
        (System.Runtime.Intrinsics.X86.Avx.UnpackLow(a.AsDouble(), b.AsDouble()).AsSingle(), System.Runtime.Intrinsics.X86.Avx.UnpackHigh(a.AsDouble(), b.AsDouble()).AsSingle());
}
