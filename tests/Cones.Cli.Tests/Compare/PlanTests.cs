using Cones.Cli.Compare.Jobs;
using Cones.Cli.Compare.Plans;
using Cones.Cli.Compare.Tasks;

namespace Cones.Cli.Tests.Compare;

/// <summary>What a plan may say.</summary>
public sealed class PlanTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("cones-plan-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_model_is_another_one_by_its_weights_not_by_its_card()
    {
        var digests = () => new FileDigests(null).OfModel(_folder);
        File.WriteAllText(Path.Combine(_folder, "model.safetensors"), "1");
        File.WriteAllText(Path.Combine(_folder, "README.md"), "good");
        var before = digests();
        File.WriteAllText(Path.Combine(_folder, "README.md"), "better");
        File.WriteAllText(Path.Combine(_folder, "curves.png"), "");
        Assert.Equal(before, digests());
        File.WriteAllText(Path.Combine(_folder, "model.safetensors"), "2");
        Assert.NotEqual(before, digests());
    }

    [Theory]
    [InlineData("seeds: [0]", "seed: [0]", "plan.yaml:17", "no key 'seed'", "shots, seeds, shot-seeds")]
    [InlineData("steps: 2}", "step: 2}", "plan.yaml:19", "no key 'step'", "steps, seconds, options")]
    [InlineData("name: <tomato>", "nam: <tomato>", "plan.yaml:10", "no key 'nam'", "images, name")]
    [InlineData("class: tomato", "klass: tomato", "plan.yaml:12", "no key 'klass'", "images, name, init, class, validation, test")]
    [InlineData("batch: 1,", "bach: 1,", "plan.yaml:20", "'bach' is no option here", "batch")]
    [InlineData("batch: 1,", "batch: many,", "plan.yaml:20", "'batch' is 'many'", "")]
    [InlineData("no-flip: true", "no-flip: perhaps", "plan.yaml:20", "true or false", "")]
    [InlineData("batch: 1,", "steps: 1,", "plan.yaml:20", "'steps' is no option here", "")]
    [InlineData("{method: concept}", "{method: magic}", "plan.yaml:16", "'magic' is not known", "pseudo-word")]
    [InlineData("{method: concept}", "{stages: []}", "plan.yaml:16", "either 'method' or 'stages'", "")]
    [InlineData("{method: concept}", "{method: concept, options: {lr: 1}, learning-rates: [1, 2]}", "plan.yaml:16", "leave one out", "")]
    [InlineData("{method: concept}", "{stages: [{method: concept, share: 1}, {method: full}]}", "plan.yaml:16", "'share' is a part of the budget", "between 0 and 1")]
    [InlineData("{method: concept}", "{stages: [{method: concept, share: 0.5}, {method: full, share: 0.5}]}", "plan.yaml:16", "leave nothing to the others", "all stages but one")]
    [InlineData("{method: concept}", "{method: concept, learning-rates: [1, one]}", "plan.yaml:16", "'one', a number", "")]
    [InlineData("task: generation", "task: cooking", "plan.yaml:2", "'cooking' is not known", "generation, detection")]
    [InlineData("seeds: [0]", "seeds: [0, 0]", "plan.yaml:17", "named twice", "")]
    [InlineData("seeds: [0]", "seeds: [0, 1]\nshot-seeds: [3]", "plan.yaml:18", "1 seeds of few-shot subsets for 2", "")]
    [InlineData("seeds: [0]", "seeds: [0]\nreference: nobody", "plan.yaml:18", "'nobody' is no genre", "text, concept")]
    [InlineData("seeds: [0]", "seeds: [0]\nselection: {seeds: [0]}", "plan.yaml:18", "the seed 0 is reported too", "")]
    [InlineData("seeds: [0]", "seeds: [0]\nshots: [some]", "plan.yaml:18", "'some'", "or all")]
    [InlineData("count: 1,", "cout: 1,", "plan.yaml:21", "no key 'cout'", "count")]
    [InlineData("title: Small plan", "title: Small plan\ntitle: Again", "plan.yaml:", "no valid YAML", "")]
    [InlineData("mini: embedded", "mini: nowhere/at/all", "plan.yaml:4", "nowhere/at/all does not exist", "")]
    public void A_mistake_is_one_sentence_with_its_line(string right, string wrong, string line, string message, string remedy)
    {
        var text = PlanFiles.Small();
        Assert.Contains(right, text);
        var plan = PlanFiles.Write(_folder, text.Replace(right, wrong, StringComparison.Ordinal));
        Cli.Run("compare", plan, "--dry-run").MustRefuse(line, message, remedy);
    }

    [Fact]
    public void Every_genre_tries_as_many_rates_and_validation_data_chooses()
    {
        var unequal = PlanFiles.Write(_folder, PlanFiles.Small("  a: {method: concept, learning-rates: [1, 2]}\n  b: {method: pseudo-word, learning-rates: [1, 2, 3]}"));
        Cli.Run("compare", unequal, "--dry-run").MustRefuse("'b' may try 3 learning rates, 'a' 2");
        var text = PlanFiles.Small("  a: {method: concept, learning-rates: [1, 2]}");
        var blind = PlanFiles.Write(_folder, string.Join('\n', text.Split('\n').Where(l => !l.Contains("validation", StringComparison.Ordinal))));
        Cli.Run("compare", blind, "--dry-run").MustRefuse("has no 'validation'", "validation data only");
    }

    [Fact]
    public void What_cannot_be_used_is_refused()
    {
        var plan = PlanFiles.Write(_folder, PlanFiles.Small());
        Cli.Run("compare").MustRefuse("no plan is named");
        Cli.Run("compare", Path.Combine(_folder, "none.yaml")).MustRefuse("none.yaml");
        Cli.Run("compare", plan, "--dry-run", "--model", "mini").MustRefuse("NAME=PATH");
        Cli.Run("compare", plan, "--dry-run", "--model", "other=" + TestFiles.Model).MustRefuse("no model 'other' but mini");
        Cli.Run("compare", plan, "--dry-run", "--model", "mini=nowhere").MustRefuse("nowhere does not exist");
        Cli.Run("compare", plan, "--dry-run", "--jobs", "0").MustRefuse("at least 1", "--jobs");
        Cli.Run("compare", PlanFiles.Write(_folder, "- a list", "list.yaml")).MustRefuse("holds no plan");
        Cli.Run("compare", "--job", _folder).MustRefuse("holds no job");
    }

    [Fact]
    public void A_dry_run_lists_jobs_and_writes_nothing()
    {
        var plan = PlanFiles.Write(_folder, PlanFiles.Small("  text: {method: text}\n  concept: {method: concept, learning-rates: [0.1, 0.3]}", seeds: "[0, 1, 2]"));
        var output = Path.Combine(_folder, "results");
        var forecast = Cli.Run("compare", plan, "--dry-run", "--json", "-o", output).Json();
        Assert.Equal(2 + 6, forecast.GetProperty("jobs").GetArrayLength());
        Assert.Equal(8, forecast.GetProperty("to_run").GetInt32());
        Assert.All(forecast.GetProperty("jobs").EnumerateArray(), j =>
        {
            Assert.True(j.GetProperty("seconds").GetDouble() > 0);
            Assert.True(j.GetProperty("bytes").GetInt64() > 1 << 20);
        });
        Assert.False(Directory.Exists(output));
        Assert.Contains("8 of 8 jobs to run", Cli.Run("compare", plan, "--dry-run", "-o", output).Output);
    }

    [Fact]
    public void A_jobs_key_follows_what_decides_its_result_and_nothing_else()
    {
        var text = PlanFiles.Small();
        var keys = Keys(text);
        Assert.Equal(2, keys.Distinct().Count());
        Assert.Equal(keys, Keys(text.Replace("title: Small plan", "title: Another", StringComparison.Ordinal).Replace("  concept: {", "  renamed: {", StringComparison.Ordinal).Replace("  2 steps:", "  short:", StringComparison.Ordinal)));
        foreach (var (from, to) in ((string, string)[])[("steps: 2}", "steps: 3}"), ("seeds: [0]", "seeds: [1]"), ("batch: 1,", "batch: 2,"), ("red apple", "apple"), ("count: 1,", "count: 2,"), ("02-fluent-3d", "04-noto-v1")])
            Assert.Empty(keys.Intersect(Keys(text.Replace(from, to, StringComparison.Ordinal))));
        // The content of data counts, not its place.
        var copy = Path.Combine(_folder, "copy");
        TestFiles.CopyFolder(Path.Combine(TestFiles.Root, "samples", "generation", "tomato"), copy);
        var moved = text.Replace(Path.Combine(TestFiles.Root, "samples", "generation", "tomato"), copy, StringComparison.Ordinal);
        Assert.Equal(keys, Keys(moved));
        File.AppendAllText(Path.Combine(copy, "01-twemoji.txt"), "\n");
        Assert.Empty(keys.Intersect(Keys(moved)));
    }

    [Fact]
    public void A_path_may_name_the_shots_and_the_seed_of_a_run()
    {
        var pattern = Path.Combine(_folder, "{shots}-{shot-seed}");
        File.WriteAllText(Path.Combine(_folder, "5-30"), "");
        File.WriteAllText(Path.Combine(_folder, "all-30"), "");
        Assert.Equal(pattern, PlanPaths.Existing(Path.Combine(_folder, "plan.yaml"), "{shots}-{shot-seed}"));
        Assert.Equal(Path.Combine(_folder, "5-30"), PlanPaths.For(pattern, 5, 30));
        Assert.Equal(Path.Combine(_folder, "all-30"), PlanPaths.For(pattern, null, 30));
        Assert.Equal("as it is", PlanPaths.For("as it is", 5, 30));
        Assert.Contains("1 shot with the subset's seed 30", Assert.Throws<Cones.Models.ConesException>(() => PlanPaths.For(pattern, 1, 30)).Message);
    }

    [Fact]
    public void Stages_share_the_steps()
    {
        Assert.Equal([10, 30], Steps("[{method: concept, share: 0.25}, {method: full}]"));
        Assert.Equal([20, 20], Steps("[{method: concept}, {method: full}]"));
        Assert.Equal([13, 13, 13], Steps("[{method: words}, {method: concept}, {method: full}]"));
        Assert.Equal([12, 24, 4], Steps("[{method: words, share: 0.3}, {method: concept, share: 0.6}, {method: full}]"));
        Assert.Equal([1, 39], Steps("[{method: words, share: 0.001}, {method: full}]"));

        int[] Steps(string stages)
        {
            var plan = PlanReader.Read(PlanFiles.Write(_folder, PlanFiles.Small($"  a: {{stages: {stages}}}").Replace("steps: 2}", "steps: 40}", StringComparison.Ordinal)), new Dictionary<string, string>());
            var job = new JobList(plan, ComparisonTasks.Get(plan.Task), new FileDigests(null)).Reported(_ => 0)[0];
            return [.. job.Stages.Select((_, i) => job.StepsOf(i))];
        }
    }

    [Fact]
    public void Paths_take_variables_of_the_environment()
    {
        Environment.SetEnvironmentVariable("CONES_TEST_DATA", null);
        Assert.Equal("here/x", PlanPaths.Expand("${CONES_TEST_DATA:-here}/x"));
        Environment.SetEnvironmentVariable("CONES_TEST_DATA", "/there");
        Assert.Equal("/there/x", PlanPaths.Expand("${CONES_TEST_DATA:-here}/x"));
        Environment.SetEnvironmentVariable("CONES_TEST_DATA", null);
        Assert.Contains("CONES_TEST_DATA", Assert.Throws<Cones.Models.ConesException>(() => PlanPaths.Expand("${CONES_TEST_DATA}/x")).Message);
    }

    [Fact]
    public void The_best_rate_by_validation_is_chosen_and_a_failed_one_has_no_say()
    {
        var plan = PlanReader.Read(PlanFiles.Write(_folder, PlanFiles.Small("  a: {method: concept, learning-rates: [0.1, 0.2, 0.3]}")), new Dictionary<string, string>());
        var task = ComparisonTasks.Get("generation");
        var list = new JobList(plan, task, new FileDigests(null));
        var jobs = list.Selection();
        Assert.Equal([0.1, 0.2, 0.3], jobs.Select(j => j.LearningRate!.Value));
        Assert.All(jobs, j => Assert.Equal(1, j.Seed));
        var losses = new Dictionary<double, double> { [0.1] = 0.5, [0.2] = 0.4 };
        JobResult? ResultOf(JobSpec job) => losses.TryGetValue(job.LearningRate!.Value, out var loss)
            ? new JobResult { Key = job.Key, Metrics = new Dictionary<string, double> { ["validation_loss"] = loss }, Curve = [], Machine = new("", 1, 1, "", 1, "", "", ""), Finished = default, JobSeconds = 1 }
            : null;
        var choice = Assert.Single(RateChoice.Of(jobs.Select(j => (list.CellOf(j), j)), ResultOf, task));
        Assert.Equal(0.2, choice.Best);
        Assert.Empty(RateChoice.Decided(jobs.Select(j => (list.CellOf(j), j)), ResultOf, task));
        losses[0.3] = 0.3;
        Assert.Equal(0.3, Assert.Single(RateChoice.Decided(jobs.Select(j => (list.CellOf(j), j)), ResultOf, task)).Value);
        losses.Clear();
        Assert.Null(Assert.Single(RateChoice.Of(jobs.Select(j => (list.CellOf(j), j)), ResultOf, task)).Best);
    }

    string[] Keys(string text)
    {
        var plan = PlanReader.Read(PlanFiles.Write(_folder, text), new Dictionary<string, string>());
        return [.. new JobList(plan, ComparisonTasks.Get(plan.Task), new FileDigests(null)).Reported(_ => 0).Select(j => j.Key)];
    }
}
