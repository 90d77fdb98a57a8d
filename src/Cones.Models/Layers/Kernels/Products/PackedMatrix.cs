using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers.Kernels.Products;

/// <summary>
/// The right side B [K, N] of products, packed once in the panels that <see cref="MatrixProduct"/> reads. For weights that meet a few rows at a
/// time: packing them anew would take a tenth of the time and more.
/// </summary>
unsafe readonly struct PackedMatrix
{
    /// <summary>A view of packed panels.</summary>
    /// <param name="panels">From <see cref="Pack"/>; must outlive the use.</param>
    /// <param name="rows">K.</param>
    /// <param name="columns">N.</param>
    public PackedMatrix(Tensor panels, long rows, long columns)
    {
        Panels = TensorMemory.Pointer(panels);
        (Rows, Columns) = (rows, columns);
    }

    /// <summary>The panels.</summary>
    public float* Panels { get; }

    /// <summary>K.</summary>
    public long Rows { get; }

    /// <summary>N.</summary>
    public long Columns { get; }

    /// <summary>Packs a matrix.</summary>
    /// <param name="matrix">B, or its transpose, as weights of linear layers are: float32 on the CPU.</param>
    /// <param name="transposed">Whether it is the transpose, [N, K].</param>
    /// <returns>Blocks of at most 384 rows, each with its panels of 32 columns.</returns>
    public static Tensor Pack(Tensor matrix, bool transposed)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        matrix = matrix.detach().contiguous();
        var (k, n) = transposed ? (matrix.shape[1], matrix.shape[0]) : (matrix.shape[0], matrix.shape[1]);
        var width = MatrixProduct.Parts(n, ProductTile.Wide) * ProductTile.Wide;
        var panels = empty([k * width], ScalarType.Float32);
        var step = MatrixProduct.Parts(k, MatrixProduct.Parts(k, MatrixProduct.DepthBlock));
        for (var first = 0L; first < k; first += step)
        {
            MatrixProduct.Pack(
                TensorMemory.Pointer(matrix), matrix.shape[1], transposed, TensorMemory.Pointer(panels) + (first * width), first, Math.Min(step, k - first), n);
        }

        return panels.MoveToOuterDisposeScope();
    }
}
