using System.Globalization;
using Cones.Evaluation.Statistics;

namespace Cones.Cli.Compare.Reports;

/// <summary>Runs that may be compared: one model, budget and number of shots; all genres, data sets and seeds.</summary>
sealed class RunGroup(string title, IReadOnlyList<string> genres, IReadOnlyList<ReportRun> runs)
{
    /// <summary>What they have in common.</summary>
    public string Title => title;

    /// <summary>The genres in the order of the plan, those without runs left out.</summary>
    public IReadOnlyList<string> Genres { get; } = [.. genres.Where(g => runs.Any(r => r.Job.Genre == g))];

    public IReadOnlyList<ReportRun> Runs => runs;

    /// <summary>The data sets.</summary>
    public IReadOnlyList<string> Datasets { get; } = [.. runs.Select(r => r.Job.Dataset).Distinct()];

    /// <summary>The runs of a genre.</summary>
    public IReadOnlyList<ReportRun> Of(string genre) => [.. runs.Where(r => r.Job.Genre == genre)];

    /// <summary>The same for one data set.</summary>
    public RunGroup On(string dataset) => new($"{title}: {dataset}", genres, [.. runs.Where(r => r.Job.Dataset == dataset)]);

    /// <summary>The values of a metric by data set and seed.</summary>
    public IReadOnlyDictionary<(string Dataset, long Seed), double> Values(string genre, string metric) => Of(genre)
        .Where(r => r.Result.Metrics.TryGetValue(metric, out var value) && double.IsFinite(value))
        .ToDictionary(r => (r.Job.Dataset, r.Job.Seed), r => r.Result.Metrics[metric]);

    /// <summary>Compares two genres over the data sets and seeds that both have; null where there are none.</summary>
    public PairedComparison? Compare(string first, string second, string metric)
    {
        var (a, b) = (Values(first, metric), Values(second, metric));
        var shared = a.Keys.Where(b.ContainsKey).ToArray();
        return shared.Length == 0 ? null : PairedComparison.Of([.. shared.Select(k => a[k])], [.. shared.Select(k => b[k])]);
    }

    /// <summary>The genre with the best mean of a metric, and the second; null where fewer than two have any.</summary>
    public (string Best, string Second)? Best(Tasks.Metric metric)
    {
        string[] order =
        [
            .. Genres.Select(g => (Genre: g, Values: Values(g, metric.Name).Values)).Where(g => g.Values.Any())
                .OrderBy(g => metric.Higher == true ? -g.Values.Average() : g.Values.Average()).Select(g => g.Genre),
        ];
        return order.Length < 2 ? null : (order[0], order[1]);
    }

    /// <summary>Mean and spread as tables have them, e.g. <c>0.2229 ± 0.0034</c>.</summary>
    public static string Written(IEnumerable<double> values, string format)
    {
        double[] all = [.. values];
        if (all.Length == 0) return "-";
        var summary = SampleSummary.Of(all);
        var mean = summary.Mean.ToString(format, CultureInfo.InvariantCulture);
        return double.IsNaN(summary.StandardDeviation) ? mean : $"{mean} ± {summary.StandardDeviation.ToString(format, CultureInfo.InvariantCulture)}";
    }
}
