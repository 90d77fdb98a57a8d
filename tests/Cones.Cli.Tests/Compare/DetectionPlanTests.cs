using Cones.Cli.Compare.Jobs;
using Cones.Cli.Compare.Plans;
using Cones.Cli.Compare.Tasks;
using Cones.Data.Coco;

namespace Cones.Cli.Tests.Compare;

/// <summary>How plans of detection save work that would change nothing.</summary>
public sealed class DetectionPlanTests : IDisposable
{
    static readonly string s_samples = Path.Combine(TestFiles.Root, "samples", "detection");
    static readonly IComparisonTask s_task = ComparisonTasks.Get("detection");
    readonly string _folder = Directory.CreateTempSubdirectory("cones-plan-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Rates_are_chosen_with_some_shots_for_all()
    {
        var list = new JobList(Read("selection: {seeds: [9], shots: [2]}"), s_task, new FileDigests(null));
        var selection = list.Selection();
        Assert.Equal([0.1, 0.2], selection.Select(j => j.LearningRate!.Value));
        Assert.All(selection, j => Assert.Equal((2, 9L), (j.Shots, j.Seed)));
        var cell = Assert.Single(selection.Select(list.CellOf).Distinct());
        var reported = list.Reported(asked =>
        {
            Assert.Equal(cell, asked);
            return 0.2;
        });
        Assert.Equal(2 * 2 * 2, reported.Count);
        // Without it each number of shots has rates of its own.
        Assert.Equal(4, new JobList(Read("selection: {seeds: [9]}"), s_task, new FileDigests(null)).Selection().Count);
        Cli.Run("compare", Write("selection: {seeds: [9], shots: [7]}"), "--dry-run").MustRefuse("plan.yaml:", "'shots' of 'selection'");
    }

    [Fact]
    public void Names_as_they_are_run_once_for_all_shots_and_seeds()
    {
        var jobs = new JobList(Read(), s_task, new FileDigests(null)).Reported(_ => 0.1).ToLookup(j => j.Genre, j => j.Key);
        Assert.Single(jobs["text"].Distinct());
        Assert.Equal(4, jobs["concept"].Distinct().Count());
        // Words that training images choose are no longer the same.
        var chosen = new JobList(Read(text: "{method: text, options: {candidates: \"a=b|c\"}}"), s_task, new FileDigests(null)).Reported(_ => 0.1);
        Assert.Equal(4, chosen.Where(j => j.Genre == "text").Select(j => j.Key).Distinct().Count());
    }

    [Fact]
    public void Validation_images_are_as_many_as_the_plan_says_evenly_taken()
    {
        var job = new JobList(Read(more: "evaluation: {validation-images: 3}"), s_task, new FileDigests(null)).Reported(_ => 0.1)[0];
        s_task.Prepare(job, _folder);
        var file = s_task.DataArguments(job, _folder).Single(a => a.Key == "val").Value!;
        Assert.StartsWith(_folder, file);
        var all = CocoReader.Read(Path.Combine(s_samples, "test.json"), new() { ImageFolder = s_samples }).Dataset;
        var some = CocoReader.Read(file, new() { ImageFolder = s_samples }).Dataset;
        Assert.Equal(Enumerable.Range(0, 3).Select(i => all.Images[i * all.Images.Count / 3].FileName), some.Images.Select(i => i.FileName));
        Assert.Equal(some.Images.Sum(s => all.Images.Single(i => i.FileName == s.FileName).Annotations.Count), some.Images.Sum(i => i.Annotations.Count));
        // All of them are the file itself.
        var whole = new JobList(Read(), s_task, new FileDigests(null)).Reported(_ => 0.1)[0];
        Assert.Equal(Path.Combine(s_samples, "test.json"), s_task.DataArguments(whole, _folder).Single(a => a.Key == "val").Value);
    }

    ComparisonPlan Read(string selection = "selection: {seeds: [9]}", string text = "{method: text}", string more = "") =>
        PlanReader.Read(Write(selection, text, more), new Dictionary<string, string>());

    string Write(string selection, string text = "{method: text}", string more = "") => PlanFiles.Write(_folder,
        $$"""
        title: Small plan
        task: detection
        models:
          mini: embedded
        datasets:
          garden:
            data: {{s_samples}}/train.json
            images: {{s_samples}}
            val: {{s_samples}}/test.json
            test: {{s_samples}}/test.json
        genres:
          text: {{text}}
          concept: {method: concept, learning-rates: [0.1, 0.2]}
        shots: [1, 2]
        seeds: [0, 1]
        budgets:
          short: {steps: 2}
        {{selection}}
        {{more}}
        """);
}
