using Cones.Cli.Compare.Plans;
using Cones.Cli.Compare.Tasks;
using Cones.Concepts;

namespace Cones.Cli.Compare.Jobs;

/// <summary>The arguments of a job's commands: what runs is what the report prints.</summary>
static class JobArguments
{
    /// <summary>The arguments of <c>cones search TASK</c> for a stage, without the output.</summary>
    /// <param name="job">The job.</param>
    /// <param name="task">Its task.</param>
    /// <param name="stage">The stage's place, from 0.</param>
    /// <param name="steps">The steps of the stage.</param>
    /// <param name="start">The concept of the stage before, or null.</param>
    /// <param name="dataFolder">Where data lies that is made for the comparison.</param>
    /// <param name="probe">Options of a run that only measures.</param>
    public static IReadOnlyList<string> Of(
        JobSpec job, IComparisonTask task, int stage, int steps, string? start, string dataFolder, IReadOnlyList<KeyValuePair<string, string?>>? probe = null)
    {
        var own = new List<KeyValuePair<string, string?>> { new("method", job.Stages[stage].Method) };
        if (job.ModelPath.Length > 0) own.Insert(0, new("model", job.ModelPath));
        var last = new List<KeyValuePair<string, string?>>();
        if (stage == job.Stages.Count - 1 && job.LearningRate is { } rate) last.Add(new("lr", FormattableString.Invariant($"{rate:r}")));
        last.Add(new("steps", FormattableString.Invariant($"{steps}")));
        last.Add(new("seed", FormattableString.Invariant($"{job.Seed}")));
        if (start is not null) last.Add(new("start", start));
        return [.. PlanOptions.ToArguments(PlanOptions.Merge(task.DataArguments(job, dataFolder), own, job.Stages[stage].Options, last, probe ?? []))];
    }

    /// <summary>The commands that repeat a job, one a line.</summary>
    /// <param name="job">The job.</param>
    /// <param name="task">Its task.</param>
    /// <param name="stepsOf">The steps of a stage.</param>
    /// <param name="dataFolder">Where data lies that is made for the comparison.</param>
    public static IReadOnlyList<string> Commands(JobSpec job, IComparisonTask task, Func<int, int> stepsOf, string dataFolder)
    {
        var lines = new List<string>();
        // The embedded model is what the commands take where none is named.
        var shown = Path.GetFileName(job.ModelPath) == task.EmbeddedModel && job.ModelPath == EmbeddedModels.Find(task.EmbeddedModel) ? job with { ModelPath = "" } : job;
        for (var stage = 0; stage < job.Stages.Count; stage++)
        {
            var arguments = Of(shown, task, stage, stepsOf(stage), stage > 0 ? NameOf(job, stage - 1) : null, dataFolder);
            lines.Add($"cones search {job.Task} {string.Join(' ', arguments.Select(Written))} -o {NameOf(job, stage)}");
        }

        lines.Add(task.EvaluationCommand(shown, NameOf(job, job.Stages.Count - 1), dataFolder));
        return lines;
    }

    /// <summary><c>--model</c> for a command line, empty where the model is the command's own.</summary>
    public static string ModelOf(JobSpec job) => job.ModelPath.Length > 0 ? $" --model {Written(job.ModelPath)}" : "";

    /// <summary>An argument as a shell takes it; a path as seen from the working folder.</summary>
    public static string Written(string text) => Quoted(Path.IsPathFullyQualified(text) ? Path.GetRelativePath(Environment.CurrentDirectory, text).Replace('\\', '/') : text);

    /// <summary>An argument as a shell takes it.</summary>
    public static string Quoted(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or ':' or ',' or '=' or '+' or '@' or '%') ? text : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>The name of what a stage's command writes: a concept file, or the folder of a tuned segmenter.</summary>
    public static string NameOf(JobSpec job, int stage) =>
        string.Concat($"{job.Dataset}-{job.Genre}-{job.Seed}{(stage < job.Stages.Count - 1 ? $"-stage{stage + 1}" : "")}".Select(c => char.IsLetterOrDigit(c) || c is '.' or '_' ? c : '-'))
        + (job.Task == "segmentation" && job.Stages[stage].Method == "full" ? "-model" : ConceptFile.Extension);
}
