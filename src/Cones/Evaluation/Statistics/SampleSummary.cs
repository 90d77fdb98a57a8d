namespace Cones.Evaluation.Statistics;

/// <summary>A mean and how far the values spread, as tables of repeated runs give it.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="StandardDeviation">The sample's standard deviation (divisor n - 1); NaN for a single value.</param>
/// <param name="Count">The number of values, n.</param>
public sealed record SampleSummary(double Mean, double StandardDeviation, int Count)
{
    /// <summary>Summarises values.</summary>
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static SampleSummary Of(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count == 0) throw new ArgumentException("There is no value to summarise.", nameof(values));
        var mean = values.Average();
        return new SampleSummary(mean, values.Count == 1 ? double.NaN : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1)), values.Count);
    }
}
