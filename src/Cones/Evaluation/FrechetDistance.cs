using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Evaluation;

/// <summary>Mean and covariance of a set of features: all that the Fréchet distance needs of it.</summary>
public sealed class FeatureStatistics : IDisposable
{
    FeatureStatistics(Tensor mean, Tensor covariance) => (Mean, Covariance) = (mean, covariance);

    /// <summary><c>[D]</c>, float64.</summary>
    public Tensor Mean { get; }

    /// <summary>The unbiased covariance (divisor N - 1) <c>[D, D]</c>, float64.</summary>
    public Tensor Covariance { get; }

    /// <summary>The statistics of features.</summary>
    /// <param name="features"><c>[N, D]</c>, N at least 2.</param>
    /// <exception cref="ArgumentException">The shape does not fit or a value is not finite.</exception>
    public static FeatureStatistics Of(Tensor features)
    {
        using var scope = NewDisposeScope();
        var rows = Features.Rows(features, nameof(features), atLeast: 2);
        var mean = rows.mean([0]); // [D]
        var centred = rows - mean;
        var covariance = centred.t().matmul(centred) / (rows.shape[0] - 1); // [D, N] x [N, D] -> [D, D]
        return new FeatureStatistics(mean.DetachFromDisposeScope(), covariance.DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Mean.Dispose();
        Covariance.Dispose();
    }
}

/// <summary>
/// The Fréchet distance of two sets of features, each taken for a normal distribution (FID, arXiv 1706.08500):
/// |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2). In float64; exact for singular covariances too.
/// </summary>
public static class FrechetDistance
{
    const double MachineEpsilon = 2.220446049250313e-16;

    /// <summary>The distance of two sets of features.</summary>
    /// <param name="real">Features <c>[N, D]</c>, N at least 2. With N below some tens of thousands FID is biased upwards; see <see cref="KernelDistance"/>.</param>
    /// <param name="generated">Features <c>[M, D]</c>, M at least 2.</param>
    /// <returns>At least 0; 0 for equal statistics.</returns>
    /// <exception cref="ArgumentException">A shape does not fit or a value is not finite.</exception>
    public static double Compute(Tensor real, Tensor generated)
    {
        using var a = FeatureStatistics.Of(real);
        using var b = FeatureStatistics.Of(generated);
        return Compute(a, b);
    }

    /// <summary>The distance of two statistics.</summary>
    /// <returns>At least 0; 0 for equal statistics.</returns>
    /// <exception cref="ArgumentException">They have different widths.</exception>
    public static double Compute(FeatureStatistics real, FeatureStatistics generated)
    {
        var trace = TraceOfRoot(real, generated);
        using var scope = NewDisposeScope();
        var means = (real.Mean - generated.Mean).square().sum();
        return Math.Max((means + real.Covariance.trace() + generated.Covariance.trace()).item<double>() - (2 * trace), 0);
    }

    /// <summary>tr (S1 S2)^(1/2).</summary>
    /// <remarks>
    /// With S = L L^T the eigenvalues of S1 S2 are the squared singular values of L1^T L2, so the trace is the sum of the
    /// latter: no root of a product that rounding has made negative or complex.
    /// </remarks>
    /// <exception cref="ArgumentException">The statistics have different widths.</exception>
    public static double TraceOfRoot(FeatureStatistics real, FeatureStatistics generated)
    {
        ArgumentNullException.ThrowIfNull(real);
        ArgumentNullException.ThrowIfNull(generated);
        Features.RequireSameWidth(real.Covariance, generated.Covariance, nameof(generated));
        using var scope = NewDisposeScope();
        var product = Factor(real.Covariance).t().matmul(Factor(generated.Covariance)); // [D, D] x [D, D]
        return linalg.svdvals(product).sum().item<double>();
    }

    // L with L L^T = S: the eigenvectors times the roots of the eigenvalues. What is below the rounding error of the largest
    // eigenvalue is 0: its root would be 1e8 times larger than itself.
    static Tensor Factor(Tensor covariance)
    {
        var (values, vectors) = linalg.eigh(covariance);
        var floor = values.max().item<double>() * covariance.shape[0] * MachineEpsilon;
        return vectors * values.where(values > floor, zeros_like(values)).sqrt(); // [D, D] x [D]
    }
}
