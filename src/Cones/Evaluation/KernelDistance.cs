using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Evaluation;

/// <summary>The kernel (x.y gamma + coefficient)^degree of KID.</summary>
/// <param name="Degree">The exponent.</param>
/// <param name="Gamma">The factor of the inner product; null takes 1 / D.</param>
/// <param name="Coefficient">The constant.</param>
public sealed record PolynomialKernel(int Degree = 3, double? Gamma = null, double Coefficient = 1)
{
    /// <summary>The kernel of every row of one set with every row of the other.</summary>
    /// <param name="x">Features <c>[N, D]</c>.</param>
    /// <param name="y">Features <c>[M, D]</c>.</param>
    /// <returns><c>[N, M]</c>, float64.</returns>
    /// <exception cref="ArgumentException">A shape does not fit or a value is not finite.</exception>
    public Tensor Matrix(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Features.Rows(x, nameof(x)), Features.Rows(y, nameof(y)));
        Features.RequireSameWidth(a, b, nameof(y));
        var inner = a.matmul(b.t()); // [N, D] x [D, M] -> [N, M]
        return ((inner * (Gamma ?? 1.0 / a.shape[1])) + Coefficient).pow(Degree).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// Kernel Inception Distance (arXiv 1801.01401): the unbiased squared maximum mean discrepancy of two sets of features, as in
/// torchmetrics. In float64. Unlike FID it has no bias for few images; it may be negative.
/// </summary>
public static class KernelDistance
{
    static readonly PolynomialKernel s_default = new();

    /// <summary>The unbiased squared MMD over all rows; the sets may have different sizes. Symmetric in its arguments.</summary>
    /// <param name="real">Features <c>[N, D]</c>, N at least 2.</param>
    /// <param name="generated">Features <c>[M, D]</c>, M at least 2.</param>
    /// <param name="kernel">The kernel; null takes (x.y / D + 1)^3.</param>
    /// <returns>Lower is more alike; around 0 for two samples of one distribution.</returns>
    /// <exception cref="ArgumentException">A shape does not fit or a value is not finite.</exception>
    public static double Unbiased(Tensor real, Tensor generated, PolynomialKernel? kernel = null)
    {
        kernel ??= s_default;
        using var scope = NewDisposeScope();
        var x = Features.Rows(real, nameof(real), atLeast: 2);
        var y = Features.Rows(generated, nameof(generated), atLeast: 2);
        return WithinMean(kernel.Matrix(x, x)) + WithinMean(kernel.Matrix(y, y)) - (2 * kernel.Matrix(x, y).mean().item<double>());

        // The mean over pairs of different rows.
        static double WithinMean(Tensor k)
        {
            var count = k.shape[0];
            return (k.sum() - k.trace()).item<double>() / (count * (count - 1));
        }
    }

    /// <summary>KID over given subsets.</summary>
    /// <param name="real">Features <c>[N, D]</c>.</param>
    /// <param name="generated">Features <c>[M, D]</c>.</param>
    /// <param name="realSubsets">Row numbers of <paramref name="real"/>, <c>[S, K]</c>, int64, K at least 2.</param>
    /// <param name="generatedSubsets">Row numbers of <paramref name="generated"/>, <c>[S, L]</c>, int64, L at least 2.</param>
    /// <param name="kernel">The kernel; null takes (x.y / D + 1)^3.</param>
    /// <returns>The value of each subset pair, in order.</returns>
    /// <exception cref="ArgumentException">A shape does not fit, a row does not exist or a value is not finite.</exception>
    public static IReadOnlyList<double> OverSubsets(
        Tensor real, Tensor generated, Tensor realSubsets, Tensor generatedSubsets, PolynomialKernel? kernel = null)
    {
        using var scope = NewDisposeScope();
        var x = Features.Rows(real, nameof(real), atLeast: 2);
        var y = Features.Rows(generated, nameof(generated), atLeast: 2);
        CheckSubsets(realSubsets, x, nameof(realSubsets));
        CheckSubsets(generatedSubsets, y, nameof(generatedSubsets));
        if (realSubsets.shape[0] != generatedSubsets.shape[0])
            throw new ArgumentException($"{realSubsets.shape[0]} subsets of the real features, {generatedSubsets.shape[0]} of the generated ones.", nameof(generatedSubsets));
        var values = new double[realSubsets.shape[0]];
        for (var s = 0; s < values.Length; s++)
        {
            using var step = NewDisposeScope();
            values[s] = Unbiased(x.index_select(0, realSubsets[s].cpu()), y.index_select(0, generatedSubsets[s].cpu()), kernel);
        }

        return values;
    }

    /// <summary>KID: mean and deviation over random subsets without replacement. The seed decides them.</summary>
    /// <param name="real">Features <c>[N, D]</c>.</param>
    /// <param name="generated">Features <c>[M, D]</c>.</param>
    /// <param name="subsets">The number of subsets; torchmetrics' default.</param>
    /// <param name="subsetSize">Rows of a subset, at least 2 and at most N and M; null takes 1000 or all rows where there are fewer.</param>
    /// <param name="seed">Seed of the subsets.</param>
    /// <param name="kernel">The kernel; null takes (x.y / D + 1)^3.</param>
    /// <exception cref="ArgumentException">A shape or size does not fit or a value is not finite.</exception>
    public static ScoreSummary Compute(
        Tensor real, Tensor generated, int subsets = 100, int? subsetSize = null, ulong seed = 0, PolynomialKernel? kernel = null)
    {
        using var scope = NewDisposeScope();
        var x = Features.Rows(real, nameof(real), atLeast: 2);
        var y = Features.Rows(generated, nameof(generated), atLeast: 2);
        var smaller = Math.Min(x.shape[0], y.shape[0]);
        var size = subsetSize ?? (int)Math.Min(1000, smaller);
        if (size < 2 || size > smaller)
            throw new ArgumentException($"A subset has 2 to {smaller} rows (of {x.shape[0]} real and {y.shape[0]} generated ones), not {size}.", nameof(subsetSize));
        ArgumentOutOfRangeException.ThrowIfLessThan(subsets, 1);

        using var generator = new Generator(seed, CPU);
        var realSubsets = Draw(x.shape[0]);
        var generatedSubsets = Draw(y.shape[0]);
        return ScoreSummary.Of(OverSubsets(x, y, realSubsets, generatedSubsets, kernel));

        Tensor Draw(long rows) => stack(
            [.. Enumerable.Range(0, subsets).Select(_ => randperm(rows, dtype: ScalarType.Int64, generator: generator)[..size])]); // [S, K]
    }

    static void CheckSubsets(Tensor subsets, Tensor rows, string name)
    {
        ArgumentNullException.ThrowIfNull(subsets, name);
        if (subsets.dim() != 2 || subsets.shape[0] < 1 || subsets.shape[1] < 2 || subsets.dtype != ScalarType.Int64)
            throw new ArgumentException($"Subsets are int64 [S, K] with K >= 2; these are {subsets.dtype} {Features.Shape(subsets)}.", name);
        if (subsets.min().item<long>() < 0 || subsets.max().item<long>() >= rows.shape[0])
            throw new ArgumentException($"Rows are numbered 0 to {rows.shape[0] - 1}; the subsets name {subsets.min().item<long>()} to {subsets.max().item<long>()}.", name);
    }
}
