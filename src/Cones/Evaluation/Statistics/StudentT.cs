namespace Cones.Evaluation.Statistics;

/// <summary>Student's t distribution.</summary>
public static class StudentT
{
    // Lanczos' approximation of the gamma function with g = 7 and nine terms (Godfrey's coefficients): 15 digits.
    static readonly double[] s_lanczos =
    [
        0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
        12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
    ];

    /// <summary>The probability that |T| is at least <paramref name="t"/> in size: I(ν / (ν + t²); ν/2, 1/2).</summary>
    /// <param name="t">The statistic; infinite gives 0.</param>
    /// <param name="degrees">ν, the degrees of freedom, above 0.</param>
    public static double TwoSided(double t, double degrees)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(degrees);
        if (double.IsNaN(t)) return double.NaN;
        return double.IsInfinity(t) ? 0 : IncompleteBeta(degrees / (degrees + (t * t)), degrees / 2, 0.5);
    }

    /// <summary>The regularised incomplete beta function I(x; a, b), by its continued fraction (DLMF 8.17.22).</summary>
    internal static double IncompleteBeta(double x, double a, double b)
    {
        if (x <= 0) return 0;
        if (x >= 1) return 1;
        // The fraction converges quickly below this point; above it the symmetric one does.
        if (x > (a + 1) / (a + b + 2)) return 1 - IncompleteBeta(1 - x, b, a);
        var front = Math.Exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + (a * Math.Log(x)) + (b * Math.Log(1 - x))) / a;
        return front / Fraction(x, a, b);
    }

    // 1 + d1/(1 + d2/(1 + ...)), evaluated forwards by Lentz's method.
    static double Fraction(double x, double a, double b)
    {
        const double tiny = 1e-300;
        const int terms = 500;
        double value = 1, c = 1, d = 0;
        for (var n = 1; n <= terms; n++)
        {
            var m = n / 2;
            var term = n % 2 == 0
                ? m * (b - m) * x / ((a + (2 * m) - 1) * (a + (2 * m)))
                : -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1));
            d = 1 + (term * d);
            d = 1 / (d == 0 ? tiny : d);
            c = 1 + (term / c);
            if (c == 0) c = tiny;
            value *= c * d;
            if (Math.Abs((c * d) - 1) < 1e-15) break;
        }

        return value;
    }

    // For arguments above 0.
    static double LogGamma(double x)
    {
        var y = x - 1;
        var t = y + 7.5;
        var sum = s_lanczos[0];
        for (var i = 1; i < s_lanczos.Length; i++) sum += s_lanczos[i] / (y + i);
        return (0.5 * Math.Log(2 * Math.PI)) + ((y + 0.5) * Math.Log(t)) - t + Math.Log(sum);
    }
}
