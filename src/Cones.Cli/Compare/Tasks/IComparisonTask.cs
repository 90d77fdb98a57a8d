using System.CommandLine;
using Cones.Cli.Compare.Jobs;
using Cones.Models;

namespace Cones.Cli.Compare.Tasks;

/// <summary>What values a key of a plan has.</summary>
enum PlanValueKind
{
    Text,
    Flag,
    Number,

    /// <summary>A file or folder; its content counts, not its place.</summary>
    Path,

    /// <summary>Files and folders.</summary>
    Paths,

    /// <summary>A model: <c>embedded</c>, a path, or an id.</summary>
    Model,
}

/// <summary>A key of a plan that belongs to a task.</summary>
sealed record PlanKey(string Name, PlanValueKind Kind, bool Required = false);

/// <summary>A number in the report.</summary>
/// <param name="Name">The name in result files.</param>
/// <param name="Title">The title of its column.</param>
/// <param name="Higher">Whether more is better; null for costs, which nothing is the best of.</param>
/// <param name="Format">How it is written.</param>
sealed record Metric(string Name, string Title, bool? Higher, string Format);

/// <summary>
/// A task as <c>cones compare</c> sees it, all in one file: a plan's keys, a job's search and scores. Everything about plans, jobs, processes
/// and reports is the same for all tasks.
/// </summary>
interface IComparisonTask
{
    /// <summary>The name in plans, and that of the command <c>cones search NAME</c>.</summary>
    string Name { get; }

    /// <summary>The model that ships with the program, or null.</summary>
    string? EmbeddedModel { get; }

    /// <summary>The keys of a data set.</summary>
    IReadOnlyList<PlanKey> DataKeys { get; }

    /// <summary>The keys of <c>evaluation</c>.</summary>
    IReadOnlyList<PlanKey> EvaluationKeys { get; }

    /// <summary>The scores, the most important first.</summary>
    IReadOnlyList<Metric> Metrics { get; }

    /// <summary>The scores that choose a learning rate: the later ones where the earlier are equal. All from validation data.</summary>
    IReadOnlyList<string> SelectionMetrics { get; }

    /// <summary>The key of the data that learning rates are chosen on.</summary>
    string ValidationKey { get; }

    /// <summary>What learning curves show, e.g. <c>frozen evaluation loss</c>.</summary>
    string CurveTitle { get; }

    /// <summary>The score that a search reports beside its loss and that times to equal quality go by, e.g. <c>validation AP</c>; null where the loss counts.</summary>
    string? CurveScore => null;

    /// <summary>The methods of <c>cones search NAME</c>.</summary>
    IReadOnlyList<string> Methods { get; }

    /// <summary>The options of <c>cones search NAME</c>, without those of its files.</summary>
    Command NewSearchCommand();

    /// <summary>Options and evaluation keys that make a job take as little time as it can.</summary>
    (IReadOnlyDictionary<string, string> Options, IReadOnlyDictionary<string, string> Evaluation) Miniature { get; }

    /// <summary>The arguments of <c>cones search NAME</c> that name data; the files need not be there yet (<see cref="Prepare"/>).</summary>
    /// <param name="job">The job.</param>
    /// <param name="dataFolder">Where data lies that is made for the comparison.</param>
    IReadOnlyList<KeyValuePair<string, string?>> DataArguments(JobSpec job, string dataFolder);

    /// <summary>The command that repeats the job's scores, for the report.</summary>
    /// <param name="job">The job.</param>
    /// <param name="concept">The concept file.</param>
    /// <param name="dataFolder">Where data lies that is made for the comparison.</param>
    string EvaluationCommand(JobSpec job, string concept, string dataFolder);

    /// <summary>Makes the data that <see cref="DataArguments"/> names, where it is not there.</summary>
    void Prepare(JobSpec job, string dataFolder);

    /// <summary>Whether a job gives the same whatever its shots and seed are: it runs once for all of them.</summary>
    bool IsFixed(JobSpec job) => false;

    /// <summary>What a job will take, roughly.</summary>
    /// <exception cref="ConesException">The model cannot be read.</exception>
    JobEstimate Estimate(JobSpec job);

    /// <summary>Runs a stage of a job.</summary>
    /// <exception cref="OperationCanceledException">It was asked to stop; the same call goes on from there.</exception>
    StageOutcome Search(StageRun run);

    /// <summary>Scores what the last stage found, and keeps example pictures.</summary>
    JobScores Evaluate(JobRun run);
}
