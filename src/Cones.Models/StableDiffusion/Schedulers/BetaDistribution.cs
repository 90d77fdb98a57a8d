namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>Quantiles of the symmetric Beta(a, a) distribution.</summary>
static class BetaDistribution
{
    /// <summary>The x at which the distribution function of Beta(a, a) is <paramref name="p"/>.</summary>
    /// <param name="p">A probability, 0 to 1.</param>
    /// <param name="a">The shape, above 0.</param>
    public static double Quantile(double p, double a)
    {
        if (p <= 0) return 0;
        if (p >= 1) return 1;
        // By symmetry only the lower half is searched, where bisection keeps its relative precision.
        if (p > 0.5) return 1 - Quantile(1 - p, a);
        double low = 0, high = 0.5;
        for (var i = 0; i < 200 && high - low > 1e-17 * high; i++)
        {
            var middle = (low + high) / 2;
            if (Cumulative(middle, a) < p) low = middle;
            else high = middle;
        }

        return (low + high) / 2;
    }

    // For x ≤ ½ the hypergeometric series I_x(a,a) = x^a / (a B(a,a)) · Σ (1−a)_n a / (n! (a+n)) x^n converges like 2^-n.
    static double Cumulative(double x, double a)
    {
        double sum = 0, factor = 1;
        for (var n = 0; n < 80; n++)
        {
            sum += factor * a / (a + n);
            factor *= (1 - a + n) / (n + 1) * x;
        }

        return Math.Pow(x, a) / a * sum / BetaFunction(a);
    }

    // B(a,a) from the same series at x = ½, where the distribution function is ½.
    static double BetaFunction(double a)
    {
        double sum = 0, factor = 1;
        for (var n = 0; n < 80; n++)
        {
            sum += factor * a / (a + n);
            factor *= (1 - a + n) / (n + 1) * 0.5;
        }

        return 2 * Math.Pow(0.5, a) / a * sum;
    }
}
