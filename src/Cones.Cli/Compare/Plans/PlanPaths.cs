using System.Text.RegularExpressions;
using Cones.Cli.Compare.Tasks;
using Cones.Models;
using Cones.Models.Weights;

namespace Cones.Cli.Compare.Plans;

/// <summary>What paths in a plan mean: relative to the plan's folder, with <c>${NAME}</c> and <c>${NAME:-otherwise}</c> from the environment.</summary>
static partial class PlanPaths
{
    /// <summary>What stands in a path for the seed of a run's few-shot subset, where each has a file of its own.</summary>
    public const string ShotSeed = "{shot-seed}";

    /// <summary>What stands in a path for the number of shots, or <c>all</c>.</summary>
    public const string Shots = "{shots}";

    /// <summary>The absolute path of a file or folder.</summary>
    /// <param name="plan">The plan's file.</param>
    /// <param name="text">The path as written.</param>
    /// <exception cref="ConesException">A variable is not set, or nothing lies there; the message begins with the path.</exception>
    public static string Existing(string plan, string text)
    {
        var path = Path.GetFullPath(Path.Combine(FolderOf(plan), Expand(text)));
        return File.Exists(path) || Directory.Exists(path) || IsOfRuns(text) ? path : throw new ConesException($"'{text}' does not exist (looked for {path})");
    }

    /// <summary>The folder or file of a model: <c>embedded</c>, a path, or an id in the Hugging Face cache.</summary>
    public static string Model(string plan, string text, IComparisonTask task)
    {
        if (text == "embedded") return EmbeddedModels.Find(task.EmbeddedModel ?? throw new ConesException($"no model for the task {task.Name} ships with the program: name a folder or an id"));
        var expanded = Expand(text);
        var path = Path.GetFullPath(Path.Combine(FolderOf(plan), expanded));
        return File.Exists(path) || Directory.Exists(path) ? path : HuggingFaceCache.Default().Resolve(expanded);
    }

    /// <summary>A value of a data set for a run.</summary>
    /// <param name="value">As the plan has it, paths absolute.</param>
    /// <param name="shots">The run's number of training examples; null for all.</param>
    /// <param name="shotSeed">The seed of its few-shot subset.</param>
    /// <exception cref="ConesException">There is no such file for this run.</exception>
    public static string For(string value, int? shots, long shotSeed)
    {
        if (!IsOfRuns(value)) return value;
        var path = value.Replace(ShotSeed, FormattableString.Invariant($"{shotSeed}"), StringComparison.Ordinal)
            .Replace(Shots, shots is { } count ? FormattableString.Invariant($"{count}") : "all", StringComparison.Ordinal);
        return File.Exists(path) || Directory.Exists(path) ? path
            : throw new ConesException($"{path} does not exist, and the plan names it for {Jobs.JobSpec.ShotsName(shots)} with the subset's seed {shotSeed} ({Shots}, {ShotSeed})");
    }

    static bool IsOfRuns(string text) => text.Contains(ShotSeed, StringComparison.Ordinal) || text.Contains(Shots, StringComparison.Ordinal);

    /// <summary>Puts environment variables in.</summary>
    /// <exception cref="ConesException">One is not set and has no other value.</exception>
    public static string Expand(string text) => Variable().Replace(text, match =>
        Environment.GetEnvironmentVariable(match.Groups["name"].Value) is { Length: > 0 } value ? value
        : match.Groups["otherwise"].Success ? match.Groups["otherwise"].Value
        : throw new ConesException($"'{text}' needs the environment variable {match.Groups["name"].Value}: set it"));

    static string FolderOf(string plan) => Path.GetDirectoryName(Path.GetFullPath(plan))!;

    [GeneratedRegex(@"\$\{(?<name>\w+)(:-(?<otherwise>[^}]*))?\}")]
    private static partial Regex Variable();
}
