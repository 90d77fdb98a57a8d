namespace Cones.Evaluation.Statistics;

/// <summary>Two ways of doing a thing, compared run by run: run i of one was made with the data and seed of run i of the other.</summary>
/// <param name="Difference">The differences, first minus second.</param>
/// <param name="TTest">The two-sided p of Student's paired t-test; NaN for fewer than two pairs.</param>
/// <param name="Wilcoxon">The two-sided exact p of Wilcoxon's signed-rank test; NaN where no pair differs.</param>
public sealed record PairedComparison(SampleSummary Difference, double TTest, double Wilcoxon)
{
    /// <summary>Whether the mean difference is larger than the spread of the differences and the t-test's p below <paramref name="level"/>.</summary>
    public bool ExceedsSpread(double level = 0.05) =>
        Difference.Count > 1 && Math.Abs(Difference.Mean) > Difference.StandardDeviation && TTest < level;

    /// <summary>Compares runs.</summary>
    /// <exception cref="ArgumentException">There are none, or not as many of one as of the other.</exception>
    public static PairedComparison Of(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Count != second.Count) throw new ArgumentException($"{first.Count} values cannot be paired with {second.Count}.", nameof(second));
        double[] differences = [.. first.Zip(second, (a, b) => a - b)];
        var summary = SampleSummary.Of(differences);
        return new PairedComparison(summary, PairedT(summary), WilcoxonSignedRank.TwoSided(differences));
    }

    static double PairedT(SampleSummary difference)
    {
        if (difference.Count < 2) return double.NaN;
        if (difference.Mean == 0) return 1;
        // Equal differences everywhere: the statistic is infinite.
        return StudentT.TwoSided(difference.Mean / (difference.StandardDeviation / Math.Sqrt(difference.Count)), difference.Count - 1);
    }
}
