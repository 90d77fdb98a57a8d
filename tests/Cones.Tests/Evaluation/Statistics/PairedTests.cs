using Cones.Evaluation.Statistics;

namespace Cones.Tests.Evaluation.Statistics;

/// <summary>The tests of paired runs against published values.</summary>
public sealed class PairedTests
{
    // Closed forms for one and two degrees of freedom, table values for the others.
    [Theory]
    [InlineData(2, 1, 0.29516723530086653)]
    [InlineData(-2, 2, 0.18350341907227397)]
    [InlineData(0, 3, 1)]
    [InlineData(12.706204736174698, 1, 0.05)]
    [InlineData(4.302652729749462, 2, 0.05)]
    [InlineData(2.2621571627982, 9, 0.05)]
    [InlineData(2.144786687917804, 14, 0.05)]
    [InlineData(4.032142983557, 5, 0.01)]
    [InlineData(63.65674116287405, 1, 0.01)]
    public void The_two_sided_tail_of_students_t(double t, double degrees, double p) => Assert.Equal(p, StudentT.TwoSided(t, degrees), 1e-9);

    [Fact]
    public void An_infinite_statistic_leaves_nothing() => Assert.Equal(0, StudentT.TwoSided(double.PositiveInfinity, 4));

    [Fact]
    public void Students_sleep_data()
    {
        double[] first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        double[] second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        var comparison = PairedComparison.Of(second, first);
        Assert.Equal(1.58, comparison.Difference.Mean, 1e-12);
        Assert.Equal(1.229995, comparison.Difference.StandardDeviation, 1e-6);
        Assert.Equal(0.002832890197384, comparison.TTest, 1e-12);
        Assert.Equal(2.0 / 512, comparison.Wilcoxon, 1e-12); // nine differences above 0, one equal to it
        Assert.True(comparison.ExceedsSpread());
        Assert.False(comparison.ExceedsSpread(level: 0.001));
    }

    // Darwin's maize: the example of Wilcoxon's test in textbooks.
    [Fact]
    public void Darwins_maize() => Assert.Equal(
        0.041259765625, WilcoxonSignedRank.TwoSided([6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]), 1e-15);

    [Theory]
    [InlineData(new double[] { 1, 2, 3 }, 0.25)]
    [InlineData(new double[] { -1, -2, -3, -4, -5, -6 }, 0.03125)]
    [InlineData(new double[] { 1, 1, -1 }, 1)]
    [InlineData(new double[] { 0, 5 }, 1)]
    [InlineData(new double[] { 0, 0 }, double.NaN)]
    [InlineData(new double[] { }, double.NaN)]
    public void Few_differences_and_ties(double[] differences, double p) => Assert.Equal(p, WilcoxonSignedRank.TwoSided(differences), 1e-15);

    [Fact]
    public void Equal_runs_and_equal_differences()
    {
        var same = PairedComparison.Of([1, 2, 3], [1, 2, 3]);
        Assert.Equal((1, double.NaN), (same.TTest, same.Wilcoxon));
        Assert.False(same.ExceedsSpread());
        Assert.Equal(0, PairedComparison.Of([2, 3, 4], [1, 2, 3]).TTest);
        Assert.Equal(double.NaN, PairedComparison.Of([2], [1]).TTest);
        Assert.False(PairedComparison.Of([2], [1]).ExceedsSpread());
        Assert.Throws<ArgumentException>(() => PairedComparison.Of([1, 2], [1]));
    }

    [Fact]
    public void Holm_adjusts_in_the_order_given() =>
        Assert.Equal([0.03, double.NaN, 0.06, 0.06, 1], Holm.Adjust([0.0075, double.NaN, 0.02, 0.03, 1]), new Within(1e-12));

    [Fact]
    public void A_summary_divides_by_one_less_than_n()
    {
        Assert.Equal(new SampleSummary(2, 1, 3), SampleSummary.Of([1, 2, 3]));
        Assert.Equal(double.NaN, SampleSummary.Of([7]).StandardDeviation);
        Assert.Throws<ArgumentException>(() => SampleSummary.Of([]));
    }

    sealed class Within(double tolerance) : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => x.Equals(y) || Math.Abs(x - y) <= tolerance;

        public int GetHashCode(double value) => 0;
    }
}
