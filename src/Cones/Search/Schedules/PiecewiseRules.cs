using System.Globalization;

namespace Cones.Search.Schedules;

/// <summary>Factors for ranges of steps.</summary>
sealed class PiecewiseRules
{
    readonly SortedDictionary<int, double> _before = [];
    double _last;

    /// <summary>The factor of a step.</summary>
    public double FactorAt(int step)
    {
        foreach (var (end, factor) in _before)
            if (step < end) return factor;
        return _last;
    }

    /// <summary>Reads <c>factor:end,...,factor</c>.</summary>
    public static bool TryParse(string text, out PiecewiseRules rules)
    {
        rules = new PiecewiseRules();
        var parts = text.Split(',', StringSplitOptions.TrimEntries);
        foreach (var part in parts[..^1])
        {
            var pair = part.Split(':');
            if (pair.Length != 2 || !TryFactor(pair[0], out var factor)
                || !int.TryParse(pair[1], NumberStyles.Integer, CultureInfo.InvariantCulture, out var end) || end < 0) return false;
            rules._before[end] = factor;
        }

        return TryFactor(parts[^1], out rules._last);
    }

    static bool TryFactor(string text, out double factor) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out factor) && factor >= 0 && double.IsFinite(factor);
}
