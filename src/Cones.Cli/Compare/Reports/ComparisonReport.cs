using System.Globalization;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Compare.Plans;
using Cones.Cli.Compare.Tasks;
using Cones.Cli.Output;

namespace Cones.Cli.Compare.Reports;

/// <summary>Tells what a comparison found.</summary>
sealed class ComparisonReport(
    ComparisonPlan plan, IComparisonTask task, IReadOnlyList<ReportRun> runs, IReadOnlyList<RateChoice> choices, IReadOnlyList<JobFailure> failures, string dataFolder)
{
    readonly string[] _genres = [.. plan.Genres.Select(g => g.Name)];

    /// <summary>The report.</summary>
    public ReportDocument Build()
    {
        var blocks = new List<ReportBlock>();
        blocks.AddRange(plan.Description.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(p => new ReportParagraph(p.ReplaceLineEndings(" ").Trim())));
        blocks.Add(new ReportParagraph(Summary()));
        if (failures.Count > 0) blocks.AddRange(Failed());
        var groups = Groups();
        foreach (var (group, i) in groups.Select((g, i) => (g, i))) blocks.AddRange(Section(group, $"chart-{i + 1}"));
        blocks.AddRange(ShotCharts(groups));
        blocks.AddRange(Rates());
        blocks.AddRange(Machines());
        blocks.AddRange(Commands());
        return new ReportDocument(plan.Title, blocks);
    }

    string Summary()
    {
        var hours = runs.Sum(r => r.Result.JobSeconds) / 3600;
        var days = runs.Select(r => r.Result.Finished.UtcDateTime.Date).DefaultIfEmpty().Max();
        return string.Create(CultureInfo.InvariantCulture, $"{runs.Count} runs: {_genres.Length} genres, {plan.Datasets.Count} data set(s), seeds {string.Join(", ", plan.Seeds)}. The runs of these tables took {hours:0.00} hours of job time{(runs.Count > 0 ? $", the last on {days:yyyy-MM-dd}" : "")}; those that only chose a learning rate are not counted. {(failures.Count > 0 ? $"{failures.Count} runs failed and are named below." : "No run failed.")}");
    }

    IEnumerable<ReportBlock> Failed() =>
    [
        new ReportHeading(2, "Failed runs"),
        new ReportTable("Runs without a result; the same command tries them again.", ["run", "reason"], [.. failures.Select(f => (IReadOnlyList<ReportCell>)[f.Job.Title, f.Reason])]),
    ];

    List<RunGroup> Groups() =>
    [
        .. from model in plan.Models
           from budget in plan.Budgets
           from shots in plan.Shots
           let own = runs.Where(r => r.Job.Model == model.Name && r.Job.Budget == budget.Name && r.Job.Shots == shots).ToArray()
           where own.Length > 0
           select new RunGroup(Title(model.Name, budget.Name, shots), _genres, own),
    ];

    // Only what differs within the plan.
    string Title(string model, string budget, int? shots)
    {
        var parts = new List<string> { model };
        if (plan.Shots.Count > 1 || shots is not null) parts.Add(JobSpec.ShotsName(shots));
        parts.Add(budget);
        return string.Join(", ", parts);
    }

    IEnumerable<ReportBlock> Section(RunGroup group, string name)
    {
        yield return new ReportHeading(2, group.Title);
        var tables = new ScoreTables(group, task);
        yield return tables.Scores();
        foreach (var test in tables.Tests()) yield return test;
        foreach (var speed in plan.References.Select(r => SpeedTable.Of(group, r, task.CurveScore)).OfType<ReportTable>()) yield return speed;
        foreach (var figure in RunCharts.Curves(group, task, name)) yield return figure;
        if (RunCharts.QualityAndCost(group, task, name) is { } cost) yield return cost;
        foreach (var dataset in group.Datasets)
        {
            if (group.Datasets.Count > 1)
            {
                yield return new ReportHeading(3, $"{group.Title}: {dataset}");
                yield return new ScoreTables(group.On(dataset), task).Scores();
            }

            if (Examples(group.On(dataset)) is { Pictures.Count: > 0 } gallery) yield return gallery;
        }
    }

    static ReportGallery Examples(RunGroup runsOfOne)
    {
        var seed = runsOfOne.Runs.Select(r => r.Job.Seed).DefaultIfEmpty().First();
        return new ReportGallery(
            $"{runsOfOne.Title}: what each genre makes of it, seed {seed}.",
            [
                .. from genre in runsOfOne.Genres
                   from run in runsOfOne.Of(genre).Where(r => r.Job.Seed == seed)
                   from picture in run.Result.Pictures
                   where File.Exists(Path.Combine(run.Folder, picture.File))
                   select new ReportPicture(genre, Path.Combine(run.Folder, picture.File), $"{genre}: {picture.Caption}"),
            ]);
    }

    IEnumerable<ReportBlock> ShotCharts(List<RunGroup> groups)
    {
        if (plan.Shots.Count < 2) yield break;
        foreach (var (same, i) in groups.GroupBy(g => (g.Runs[0].Job.Model, g.Runs[0].Job.Budget)).Select((g, i) => (g, i)))
            if (same.Count() > 1 && RunCharts.Shots([.. same], _genres, task, $"{same.Key.Model}, {same.Key.Budget}", $"chart-s{i + 1}") is { } figure) yield return figure;
    }

    IEnumerable<ReportBlock> Rates()
    {
        if (choices.Count == 0) yield break;
        yield return new ReportHeading(2, "Learning rates");
        yield return new ReportParagraph($"Every genre with a rate to choose tried {plan.RatesPerGenre} rates with the seed(s) {string.Join(", ", plan.SelectionSeeds)}, which are not among those reported{(plan.SelectionShots.Count > 0 ? $", with {string.Join(", ", plan.SelectionShots.Select(s => s is { } n ? $"{n}" : "all"))} shots for all" : "")}. Validation data alone decided: {string.Join(", then ", task.SelectionMetrics.Select(s => task.Metrics.First(m => m.Name == s).Title))}.");
        var metric = task.Metrics.First(m => m.Name == task.SelectionMetrics[0]);
        yield return new ReportTable(
            $"{metric.Title} by learning rate; bold: the rate that was chosen.",
            ["genre", "for", .. Enumerable.Range(1, plan.RatesPerGenre).Select(i => $"rate {i}")],
            [
                .. choices.Select(c => (IReadOnlyList<ReportCell>)
                [
                    c.Cell.Genre,
                    string.Join(", ", ((string?[])[c.Cell.Model, c.Cell.Dataset ?? "all data sets", c.Cell.Shots is null ? null : JobSpec.ShotsName(c.Cell.Shots), c.Cell.Budget]).Where(p => p is not null)),
                    .. c.Scores.Select(s => new ReportCell($"{s.Rate.ToString("g4", CultureInfo.InvariantCulture)}: {(s.Runs == 0 ? "failed" : s.Scores[0].ToString(metric.Format, CultureInfo.InvariantCulture))}", s.Rate == c.Best)),
                ]),
            ]);
    }

    IEnumerable<ReportBlock> Machines()
    {
        if (runs.Count == 0) yield break;
        yield return new ReportHeading(2, "Machine");
        yield return new ReportTable(
            "Where the runs were made.",
            ["processor", "cores", "threads of a run", "vectors", "memory", "system", "program", "runs"],
            [
                .. runs.GroupBy(r => r.Result.Machine).Select(g => (IReadOnlyList<ReportCell>)
                [
                    g.Key.Processor, $"{g.Key.Cores}", $"{g.Key.Threads}", g.Key.VectorLevel, TextOutput.Size(g.Key.MemoryBytes), $"{g.Key.System}, {g.Key.Runtime}", g.Key.Tool, $"{g.Count()}",
                ]),
            ]);
        yield return new ReportParagraph("Seconds are those of the optimiser's steps, each counted as the median of its search, with the time in which names were tried; loading, caching, evaluations and scoring are not in them. Memory is the most that the process held.");
    }

    IEnumerable<ReportBlock> Commands()
    {
        yield return new ReportHeading(2, "Commands");
        yield return new ReportParagraph($"The whole comparison: cones compare {JobArguments.Written(Path.GetFullPath(plan.Path))}. Each row by hand, with the first seed of its runs:");
        foreach (var row in runs.GroupBy(r => (r.Job.Model, r.Job.Budget, r.Job.Shots, r.Job.Dataset, r.Job.Genre)))
        {
            var first = row.First();
            yield return new ReportCommands(
                $"{Title(row.Key.Model, row.Key.Budget, row.Key.Shots)}, {row.Key.Dataset}, {row.Key.Genre}",
                JobArguments.Commands(first.Job, task, stage => first.Result.StageSteps.ElementAtOrDefault(stage), dataFolder));
        }
    }
}
