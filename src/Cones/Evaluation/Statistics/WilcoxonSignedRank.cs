namespace Cones.Evaluation.Statistics;

/// <summary>
/// Wilcoxon's signed-rank test (Biometrics Bulletin 1, 1945), exact: over all signs that the differences could have had. Zeros are left
/// out; equal sizes share the mean of their ranks, and the distribution is that of these ranks.
/// </summary>
public static class WilcoxonSignedRank
{
    /// <summary>The two-sided p: twice the smaller tail, at most 1. NaN where every difference is 0.</summary>
    public static double TwoSided(IReadOnlyList<double> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        double[] kept = [.. differences.Where(d => d != 0)];
        if (kept.Length == 0 || kept.Any(double.IsNaN)) return double.NaN;
        var ranks = DoubledRanks(kept);
        var positive = kept.Zip(ranks).Where(p => p.First > 0).Sum(p => p.Second);
        var total = ranks.Sum();

        // The probability of each sum of ranks where every sign is as likely as the other.
        var probability = new double[total + 1];
        probability[0] = 1;
        foreach (var rank in ranks)
            for (var sum = total; sum >= 0; sum--)
                probability[sum] = (probability[sum] + (sum >= rank ? probability[sum - rank] : 0)) / 2;
        var (below, above) = (probability[..(positive + 1)].Sum(), probability[positive..].Sum());
        return Math.Min(1, 2 * Math.Min(below, above));
    }

    // Twice the rank of each size, from 2; ranks of equal sizes are halves, so that doubled ones are whole.
    static int[] DoubledRanks(double[] values)
    {
        int[] order = [.. Enumerable.Range(0, values.Length).OrderBy(i => Math.Abs(values[i]))];
        var ranks = new int[values.Length];
        for (var first = 0; first < order.Length;)
        {
            var last = first;
            while (last + 1 < order.Length && Math.Abs(values[order[last + 1]]) == Math.Abs(values[order[first]])) last++;
            for (var i = first; i <= last; i++) ranks[order[i]] = first + last + 2;
            first = last + 1;
        }

        return ranks;
    }
}
