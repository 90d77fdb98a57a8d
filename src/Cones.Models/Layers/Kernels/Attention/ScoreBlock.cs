using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cones.Models.Layers.Kernels.Products;

namespace Cones.Models.Layers.Kernels.Attention;

/// <summary>
/// Scores of a block of keys and <see cref="Queries"/> queries, [keys, queries]: a query is a lane of the vectors, so that the
/// softmax over keys needs no operation across lanes, and the block is at once the packed operand of the next product.
/// </summary>
static unsafe class ScoreBlock
{
    /// <summary>Queries of a block.</summary>
    public const int Queries = 2 * ProductTile.Wide;

    /// <summary>Keys of a block.</summary>
    public const int Keys = 128;

    /// <summary>Copies rows of queries as columns, times a factor: [d, <see cref="Queries"/>]; columns beyond <paramref name="count"/> are 0.</summary>
    public static void PackColumns(float* rows, long stride, float* columns, long dim, int count, float factor)
    {
        PanelPacking.Transpose(rows, stride, columns, Queries, count, dim);
        for (var i = 0L; i < dim; i++)
        {
            Scale(columns + (i * Queries), factor);
            for (var q = count; q < Queries; q++) columns[(i * Queries) + q] = 0;
        }
    }

    /// <summary>Copies columns [d, <see cref="Queries"/>] back to rows.</summary>
    public static void UnpackColumns(float* columns, float* rows, long stride, long dim, int count) => PanelPacking.Transpose(columns, Queries, rows, stride, dim, count);

    /// <summary>[keys, Queries] = rows [keys, dim] times columns [dim, Queries].</summary>
    public static void Multiply(float* rows, long stride, float* columns, float* result, long dim, int keys)
    {
        for (var key = 0; key < keys; key += ProductTile.Rows)
        {
            var count = Math.Min(ProductTile.Rows, keys - key);
            for (var half = 0; half < Queries; half += ProductTile.Wide)
                ProductTile.Run(rows + (key * stride), stride, 1, columns + half, Queries, result + (key * Queries) + half, Queries, dim, count, ProductTile.Wide, accumulate: false);
        }
    }

    /// <summary>[dim, Queries] += (rows [keys, dim])ᵀ times block [keys, Queries].</summary>
    public static void AddTransposed(float* rows, long stride, float* block, float* sums, long dim, int keys)
    {
        for (var i = 0L; i < dim; i += ProductTile.Rows)
        {
            var count = (int)Math.Min(ProductTile.Rows, dim - i);
            for (var half = 0; half < Queries; half += ProductTile.Wide)
                ProductTile.Run(rows + i, 1, stride, block + half, Queries, sums + (i * Queries) + half, Queries, keys, count, ProductTile.Wide, accumulate: true);
        }
    }

    /// <summary>sums [keys, padded] += block [keys, Queries] times rows [Queries, padded].</summary>
    public static void AddProduct(float* block, float* rows, float* sums, long padded, int keys)
    {
        for (var key = 0; key < keys; key += ProductTile.Rows)
        {
            var count = Math.Min(ProductTile.Rows, keys - key);
            for (var column = 0L; column < padded; column += ProductTile.Wide)
            {
                var width = (int)Math.Min(ProductTile.Wide, padded - column);
                ProductTile.Run(block + (key * Queries), Queries, 1, rows + column, padded, sums + (key * padded) + column, padded, Queries, count, width, accumulate: true);
            }
        }
    }

    static void Scale(float* line, float factor)
    {
        for (var lane = 0; lane < Queries; lane += 16) (Vector512.Load(line + lane) * factor).Store(line + lane);
    }

    /// <summary>2^x, exact to about one unit in the last place; 0 far below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp2(Vector512<float> x)
    {
        // x = n + r with |r| <= 1/2; Taylor's polynomial of 2^r; times 2^n.
        x = Vector512.Max(x, Vector512.Create(-150f));
        var n = Avx512F.RoundScale(x, 0);
        var r = x - n;
        var p = Vector512.Create(1.5252734e-5f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.5403530e-4f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3333558e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(9.6181291e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.5504109e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(2.4022651e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(6.9314718e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        return Avx512F.Scale(p, n);
    }
}
