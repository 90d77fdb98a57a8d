using System.CommandLine;
using System.Globalization;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Compare.Plans;
using Cones.Cli.Compare.Reports;
using Cones.Cli.Compare.Tasks;
using Cones.Cli.Output;
using Cones.Models;
using Cones.Models.Native;

namespace Cones.Cli.Compare;

/// <summary><c>cones compare</c>: every genre of a plan on the same models and data, and a report.</summary>
static class CompareCommand
{
    static readonly Argument<string?> s_plan = new("plan") { Description = "The plan: a YAML file. docs/reproduction has plans of the paper's tables.", Arity = ArgumentArity.ZeroOrOne };
    static readonly Option<string?> s_output = new("--output", "-o") { Description = "Folder for results and report. Default: the plan's name with .results, in the working folder.", HelpName = "DIR" };
    static readonly Option<string[]> s_models = new("--model") { Description = "Take another model for a name of the plan.", HelpName = "NAME=PATH" };
    static readonly Option<int?> s_jobs = new("--jobs") { Description = "The most jobs at once, each in a process of its own; also bounded by memory. Default: the plan's, else as many as there are cores.", HelpName = "N" };
    static readonly Option<bool> s_dryRun = new("--dry-run") { Description = "Print the jobs with what they will roughly take, and run none." };
    static readonly Option<bool> s_miniature = new("--miniature") { Description = "Run a plan of the same shape that takes seconds to minutes: one data set, two seeds, two rates, two steps. To see that everything is in place." };
    static readonly Option<bool> s_inProcess = new("--in-process") { Description = "Run the jobs one after the other in this process." };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };
    static readonly Option<string?> s_job = new("--job") { Description = "Run the job of a folder: what `cones compare` starts its workers with.", HelpName = "DIR", Hidden = true };

    public static Command Create()
    {
        var command = new Command(
            "compare",
            """
            Compare ways of tuning on the same models, data and budgets: runs a plan's jobs and writes report.html and report.md.

            The same command goes on where it was stopped, and runs only what has no result yet.

            Example: cones compare docs/reproduction/generation.yaml --dry-run
            """);
        command.Arguments.Add(s_plan);
        foreach (var option in (Option[])[s_output, s_models, s_jobs, s_dryRun, s_miniature, s_inProcess, s_json, s_job]) command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        if (parsed.GetValue(s_job) is { } folder)
        {
            using var asked = new WorkerStop();
            new JobRunner(folder, line => error.WriteLine(line), asked.Token).Run();
            return ExitCodes.Success;
        }

        var path = parsed.GetValue(s_plan) ?? throw new ConesException("no plan is named: `cones compare PLAN.yaml`; docs/reproduction has some");
        var plan = PlanReader.Read(path, Models(parsed.GetValue(s_models) ?? []));
        var task = ComparisonTasks.Get(plan.Task);
        if (parsed.GetValue(s_miniature)) plan = PlanMiniature.Of(plan, task);
        if (parsed.GetValue(s_jobs) is < 1 and var wrong) throw new ConesException($"{wrong} jobs at once asked for, at least 1 is needed (--jobs)");
        var root = Path.GetFullPath(parsed.GetValue(s_output) ?? Path.GetFileNameWithoutExtension(path) + (parsed.GetValue(s_miniature) ? ".miniature" : "") + ".results");
        var store = new JobStore(root);
        var dryRun = parsed.GetValue(s_dryRun);
        var digests = new FileDigests(Path.Combine(root, "digests.json"));
        var estimates = new JobEstimates(store, task);
        var list = new JobList(plan, task, digests);
        var selection = list.Selection();
        // Estimates do not depend on which rate will be chosen.
        var decided = RateChoice.Decided(selection.Select(j => (list.CellOf(j), j)), store.Result, task);
        JobSpec[] all = [.. selection, .. list.Reported(cell => decided.TryGetValue(cell, out var rate) ? rate : plan.Genres.First(g => g.Name == cell.Genre).LearningRates[0])];
        var parallel = Parallel(parsed.GetValue(s_jobs) ?? plan.Parallel, all, estimates);
        if (dryRun)
        {
            var forecast = DryRun.Of(plan, all, j => plan.Genres.First(g => g.Name == j.Genre).LearningRates.Count < 2 || decided.ContainsKey(list.CellOf(j)), store, estimates, parallel);
            if (parsed.GetValue(s_json)) JsonOutput.Write(output, forecast);
            else forecast.Print(TextOutput.Console(output));
            return ExitCodes.Success;
        }

        try
        {
            return Run(parsed, plan, task, store, digests, list, selection, parallel);
        }
        catch (OperationCanceledException)
        {
            error.WriteLine("stopped; the same command goes on from there");
            return ExitCodes.Cancelled;
        }
    }

    static int Run(ParseResult parsed, ComparisonPlan plan, IComparisonTask task, JobStore store, FileDigests digests, JobList list, IReadOnlyList<JobSpec> selection, int parallel)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        using var ownership = Lock(store.Root);
        digests.Remember();
        using var stop = new StopSignal();
        IJobHost host = parsed.GetValue(s_inProcess) ? new InProcessHost(store) : new WorkerHost(store, parallel > 1 ? Math.Max(1, Environment.ProcessorCount / parallel) : 0);
        var scheduler = new JobScheduler(store, host, parsed.GetValue(s_inProcess) ? 1 : parallel, error.WriteLine);

        var failures = new List<JobFailure>(scheduler.Run(selection, stop.Token));
        var choices = RateChoice.Of(selection.Select(j => (list.CellOf(j), j)), store.Result, task);
        var chosen = choices.ToDictionary(c => c.Cell, c => c.Best);
        var jobs = list.Reported(cell => chosen[cell] ?? double.NaN);
        failures.AddRange(jobs.Where(j => j.LearningRate is double.NaN).Select(j => new JobFailure(j, "no learning rate could be chosen: every run that tried one failed")));
        JobSpec[] possible = [.. jobs.Where(j => j.LearningRate is not double.NaN)];
        failures.AddRange(scheduler.Run(possible, stop.Token));

        var runs = possible.Select(j => (Job: j, Result: store.Result(j))).Where(r => r.Result is not null).Select(r => new ReportRun(r.Job, r.Result!, store.FolderOf(r.Job)));
        var report = new ComparisonReport(plan, task, [.. runs], choices, failures, store.DataFolder).Build();
        var written = ReportFiles.Write(report, store.Root);
        var summary = new CompareSummary(written.Html, written.Markdown, possible.Length + selection.Count, [.. failures.Select(f => $"{f.Job.Title}: {f.Reason}")]);
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, summary);
        else output.WriteLine(TextOutput.Plain($"{written.Html}, {written.Markdown}"));
        foreach (var failure in summary.Failed) error.WriteLine(TextOutput.Plain($"failed: {failure}"));
        return failures.Count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    // As many as were asked for, as long as the largest of them fit into the memory that is free.
    static int Parallel(int? wanted, IReadOnlyList<JobSpec> jobs, JobEstimates estimates)
    {
        const double share = 0.9;
        var largest = jobs.Max(j => estimates.Of(j).Bytes);
        return (int)Math.Clamp(share * Machine.AvailableMemoryBytes / largest, 1, wanted ?? Environment.ProcessorCount);
    }

    static Dictionary<string, string> Models(string[] texts)
    {
        var models = new Dictionary<string, string>();
        foreach (var text in texts)
        {
            if (text.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } path]) throw new ConesException($"'{text}' names no model: write NAME=PATH (--model)");
            if (!Directory.Exists(path) && !File.Exists(path)) throw new ConesException($"{path} does not exist (--model {name})");
            models[name] = path;
        }

        return models;
    }

    static FileStream Lock(string root)
    {
        try
        {
            Directory.CreateDirectory(root);
            return new FileStream(Path.Combine(root, "compare.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ConesException($"{root} cannot be written: choose another folder (--output)", e);
        }
        catch (IOException e)
        {
            throw new ConesException($"{root} cannot be used ({e.Message}): is another comparison writing there? Wait for it, or choose another folder (--output)", e);
        }
    }
}

/// <summary>What <c>--json</c> prints.</summary>
sealed record CompareSummary(string Report, string Markdown, int Jobs, IReadOnlyList<string> Failed);
