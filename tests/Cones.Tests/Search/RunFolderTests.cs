using System.Text.Json;
using System.Text.Json.Nodes;
using Cones.Models;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Search.Schedules;

namespace Cones.Tests.Search;

public sealed class RunFolderTests
{
    static readonly SearchOptions s_options = new()
    {
        Steps = 20,
        EvaluationInterval = 4,
        CheckpointInterval = 5,
        CheckpointSeconds = 0,
        PreviewInterval = 10,
        Optimizer = new() { LearningRate = 0.1 },
    };

    [Fact]
    public void A_folder_belongs_to_one_search_at_a_time()
    {
        using var folder = new TemporaryFolder();
        using (RunFolder.Open(folder.Path))
        {
            var error = Assert.Throws<ConesException>(() => RunFolder.Open(folder.Path));
            Assert.Contains(folder.Path, error.Message, StringComparison.Ordinal);
            Assert.Contains("in use", error.Message, StringComparison.Ordinal);
        }

        RunFolder.Open(folder.Path).Dispose();
    }

    [Fact]
    public void A_run_leaves_options_metrics_checkpoints_previews_and_events()
    {
        using var folder = new TemporaryFolder();
        var observer = new RecordingObserver();
        using (var run = RunFolder.Open(folder.Path, RunStart.New, new JsonObject { ["model"] = "mini" })) Search(run, s_options, observer);

        var options = JsonNode.Parse(File.ReadAllText(folder["options.json"]))!;
        Assert.Equal("tiny", (string?)options["fingerprint"]);
        Assert.Equal("mini", (string?)options["details"]!["model"]);
        Assert.Equal(20, (int)options["search"]!["steps"]!);
        Assert.Equal([5, 10, 15, 20], observer.Checkpoints);
        Assert.Equal(["step-00000015.safetensors", "step-00000020.safetensors"], Names("checkpoints"));
        Assert.Equal([10, 20], observer.Previews);
        Assert.Equal(["10.txt", "20.txt"], Names("previews"));

        var lines = File.ReadAllLines(folder["metrics.jsonl"]).Select(l => JsonDocument.Parse(l).RootElement).ToArray();
        Assert.Equal(26, lines.Length);
        Assert.Equal(0, lines[0].GetProperty("step").GetInt32());
        var steps = lines.Where(l => l.TryGetProperty("loss", out _)).ToArray();
        Assert.Equal(observer.Steps.Select(s => (s.Step, s.Loss, s.LearningRate, s.GradientNorm)), steps.Select(l => (
            l.GetProperty("step").GetInt32(), l.GetProperty("loss").GetDouble(), l.GetProperty("learning_rate").GetDouble(), l.GetProperty("gradient_norm").GetDouble())));
        var evaluations = lines.Where(l => l.TryGetProperty("evaluation_loss", out _)).ToArray();
        Assert.Equal(observer.Evaluations.Select(e => (e.Evaluation.Step, e.Evaluation.Loss, e.Best)), evaluations.Select(l => (
            l.GetProperty("step").GetInt32(), l.GetProperty("evaluation_loss").GetDouble(), l.GetProperty("best").GetBoolean())));

        IEnumerable<string> Names(string name) => Directory.EnumerateFiles(folder[name]).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_null_in_the_metrics()
    {
        using var folder = new TemporaryFolder();
        using var problem = new TinyProblem { Spoil = (step, loss) => step == 0 ? loss * float.NaN : loss };
        using (var run = RunFolder.Open(folder.Path)) TinySearch.Run(problem, s_options, run).Dispose();
        var line = JsonDocument.Parse(File.ReadAllLines(folder["metrics.jsonl"])[1]).RootElement;
        Assert.Equal(JsonValueKind.Null, line.GetProperty("loss").ValueKind);
        Assert.True(line.GetProperty("skipped").GetBoolean());
    }

    [Fact]
    public void Timed_checkpoints_follow_the_clock_and_change_no_result()
    {
        using var folder = new TemporaryFolder();
        var observer = new RecordingObserver();
        var options = s_options with { CheckpointInterval = 0, CheckpointSeconds = 25 };
        byte[] timed;
        using (var run = RunFolder.Open(folder["timed"])) timed = Search(run, options, observer, new FakeTime(TimeSpan.FromSeconds(1)));
        Assert.InRange(observer.Checkpoints.Count, 3, 10);
        Assert.Equal(20, observer.Checkpoints[^1]);
        using (var run = RunFolder.Open(folder["plain"])) Assert.Equal(Search(run, s_options), timed);
        Assert.Equal(File.ReadAllBytes(folder["plain/metrics.jsonl"]), File.ReadAllBytes(folder["timed/metrics.jsonl"]));
    }

    [Fact]
    public void Starting_and_resuming_are_told_apart_where_asked_for()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("no run", Assert.Throws<ConesException>(() => RunFolder.Open(folder.Path, RunStart.Resume)).Message, StringComparison.Ordinal);
        using (var run = RunFolder.Open(folder.Path, RunStart.New)) Search(run, s_options);
        Assert.Contains("already holds a run", Assert.Throws<ConesException>(() => RunFolder.Open(folder.Path, RunStart.New)).Message, StringComparison.Ordinal);
        RunFolder.Open(folder.Path, RunStart.Resume).Dispose();
    }

    [Fact]
    public void Another_problem_or_other_options_are_refused()
    {
        using var folder = new TemporaryFolder();
        using var run = RunFolder.Open(folder.Path);
        Search(run, s_options);
        using var other = new TinyProblem { Fingerprint = "another" };
        Assert.Contains("another model", Assert.Throws<ConesException>(() => TinySearch.Run(other, s_options, run)).Message, StringComparison.Ordinal);
        Refused(s_options with { Optimizer = s_options.Optimizer with { LearningRate = 0.2 } }, "optimizer.learning_rate was 0.1 and is 0.2 now");
        Refused(s_options with { Seed = 5 }, "seed was 0 and is 5 now");
        Refused(s_options with { Schedule = new() { Name = ScheduleKind.Linear } }, "schedule.name");
        // What changes no result may change.
        Search(run, s_options with { CheckpointInterval = 1, KeepCheckpoints = 4, PreviewInterval = 3 });

        void Refused(SearchOptions options, string expected)
        {
            using var problem = new TinyProblem();
            Assert.Contains(expected, Assert.Throws<ConesException>(() => TinySearch.Run(problem, options, run)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void More_steps_go_on_from_the_end_where_the_schedule_has_none()
    {
        using var folder = new TemporaryFolder();
        using (var run = RunFolder.Open(folder["short"])) Search(run, s_options);
        var observer = new RecordingObserver();
        byte[] extended, whole;
        using (var run = RunFolder.Open(folder["short"])) extended = Search(run, s_options with { Steps = 40 }, observer);
        using (var run = RunFolder.Open(folder["long"])) whole = Search(run, s_options with { Steps = 40 });
        Assert.Equal([(20, 40)], observer.Started);
        Assert.Equal(whole, extended);
        Assert.Equal(File.ReadAllBytes(folder["long/metrics.jsonl"]), File.ReadAllBytes(folder["short/metrics.jsonl"]));

        var linear = s_options with { Schedule = new() { Name = ScheduleKind.Linear } };
        using (var run = RunFolder.Open(folder["linear"])) Search(run, linear);
        using var again = RunFolder.Open(folder["linear"]);
        Assert.Contains("steps was 20", Assert.Throws<ConesException>(() => Search(again, linear with { Steps = 40 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_cannot_be_used_is_named()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["file"], "");
        Assert.Contains(folder["file"], Assert.Throws<ConesException>(() => RunFolder.Open(folder["file"])).Message, StringComparison.Ordinal);
        File.WriteAllText(folder["options.json"], "{");
        using var run = RunFolder.Open(folder.Path);
        Assert.Contains("options.json is damaged", Assert.Throws<ConesException>(() => Search(run, s_options)).Message, StringComparison.Ordinal);
    }

    static byte[] Search(RunFolder run, SearchOptions options, ISearchObserver? observer = null, TimeProvider? time = null)
    {
        using var problem = new TinyProblem();
        using var result = TinySearch.Run(problem, options, run, observer, time);
        return problem.Bytes();
    }
}
