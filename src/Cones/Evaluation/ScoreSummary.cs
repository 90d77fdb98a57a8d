namespace Cones.Evaluation;

/// <summary>A mean and how far the values behind it spread.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="StandardDeviation">The standard deviation with the number of values as divisor (numpy's default), 0 for one value.</param>
/// <param name="Count">The number of values.</param>
public sealed record ScoreSummary(double Mean, double StandardDeviation, int Count)
{
    /// <summary>Summarises values.</summary>
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static ScoreSummary Of(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count == 0) throw new ArgumentException("There is no value to summarise.", nameof(values));
        var mean = values.Average();
        return new ScoreSummary(mean, Math.Sqrt(values.Average(v => (v - mean) * (v - mean))), values.Count);
    }
}
