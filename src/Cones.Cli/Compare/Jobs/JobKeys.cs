using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cones.Cli.Compare.Plans;
using Cones.Cli.Compare.Tasks;

namespace Cones.Cli.Compare.Jobs;

/// <summary>The digest of everything that decides a job's result: options, seeds, the content of model and data, the program's version.</summary>
static class JobKeys
{
    // Counts up when results of the same job come to hold other numbers.
    const int Format = 1;

    /// <summary>The program's version.</summary>
    public static string Tool { get; } = "cones " + typeof(JobKeys).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0];

    /// <summary>The key of a job, 64 hexadecimal digits. Names of models, data sets, genres and budgets decide nothing.</summary>
    public static string Of(JobSpec job, IComparisonTask task, FileDigests digests)
    {
        var isFixed = task.IsFixed(job);
        var described = new JsonObject
        {
            ["format"] = Format,
            ["tool"] = Tool,
            ["task"] = job.Task,
            ["model"] = digests.OfModel(job.ModelPath),
            ["data"] = Values(job.Data, task.DataKeys, digests),
            ["evaluation"] = Values(job.Evaluation, task.EvaluationKeys, digests),
            ["shots"] = isFixed ? null : job.Shots,
            ["seed"] = isFixed ? null : job.Seed,
            ["shot_seed"] = isFixed || job.Shots is null ? null : job.ShotSeed,
            ["selection"] = job.Selection,
            ["rate"] = job.LearningRate is { } rate ? rate.ToString("r", CultureInfo.InvariantCulture) : null, // NaN where none could be chosen
            ["steps"] = job.Steps,
            ["seconds"] = job.Seconds,
            ["stages"] = new JsonArray([.. job.Stages.Select(s => (JsonNode)string.Join(' ', (string[])[s.Method, .. s.Share is { } share ? [share.ToString("r", CultureInfo.InvariantCulture)] : Array.Empty<string>(), .. PlanOptions.ToArguments(s.Options.OrderBy(o => o.Key, StringComparer.Ordinal))]))]),
        };
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(described.ToJsonString())));
    }

    static JsonObject Values(IReadOnlyDictionary<string, IReadOnlyList<string>> values, IReadOnlyList<PlanKey> keys, FileDigests digests)
    {
        var described = new JsonObject();
        foreach (var key in keys.Where(k => values.ContainsKey(k.Name)))
        {
            var isFile = key.Kind is PlanValueKind.Path or PlanValueKind.Paths or PlanValueKind.Model;
            described[key.Name] = new JsonArray([.. values[key.Name].Select(v => (JsonNode)(isFile ? digests.Of(v) : v))]);
        }

        return described;
    }
}
