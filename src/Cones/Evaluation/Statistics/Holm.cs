namespace Cones.Evaluation.Statistics;

/// <summary>Holm's step-down correction for several tests at once (Scandinavian Journal of Statistics 6, 1979).</summary>
public static class Holm
{
    /// <summary>Adjusted p values in the order given; NaN stays NaN and does not count as a test.</summary>
    public static double[] Adjust(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var adjusted = values.ToArray();
        int[] order = [.. Enumerable.Range(0, values.Count).Where(i => !double.IsNaN(values[i])).OrderBy(i => values[i])];
        var largest = 0.0;
        foreach (var (index, place) in order.Select((index, place) => (index, place)))
        {
            largest = Math.Max(largest, Math.Min(1, (order.Length - place) * values[index]));
            adjusted[index] = largest;
        }

        return adjusted;
    }
}
