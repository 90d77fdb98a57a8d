using System.Runtime.InteropServices;
using System.Text.Json;

namespace Cones.Cli.Tests.Compare;

/// <summary>Comparisons by the real command, in worker processes.</summary>
public sealed partial class CompareTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("cones-compare-").FullName;

    string Output => Path.Combine(_folder, "results");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Jobs_run_in_processes_a_failing_one_is_named_and_nothing_runs_twice()
    {
        var genres = """
              text: {method: text}
              broken: {method: concept, options: {resolution: 65}, learning-rates: [1, 2]}
              concept: {method: concept}
            """;
        var plan = PlanFiles.Write(_folder, PlanFiles.Small(genres));
        var first = Cli.Run("compare", plan, "-o", Output, "--jobs", "2", "--json");
        Assert.True(first.ExitCode == ExitCodes.Failure, first.Error);
        var failed = first.Json().GetProperty("failed").EnumerateArray().Select(f => f.GetString()!).ToArray();
        Assert.Equal(3, failed.Length);
        Assert.Contains("lr 1, choosing the rate: the resolution 65 is no multiple", failed[0]);
        Assert.Contains("lr 2, choosing the rate: the resolution 65 is no multiple", failed[1]);
        Assert.Contains("mini, tomato, broken, 2 steps, seed 0: no learning rate could be chosen", failed[2]);
        Assert.Contains("failed: mini, tomato, broken", first.Error);
        Assert.Equal(2, Results().Count);
        var report = File.ReadAllText(Path.Combine(Output, "report.md"));
        Assert.Contains("| mini, tomato, broken, 2 steps, seed 0 |", report);
        Assert.Contains("| concept |", report);

        // What is missing runs again, what is there does not.
        var before = Results().ToDictionary(r => r, File.GetLastWriteTimeUtc);
        var second = Cli.Run("compare", plan, "-o", Output, "--jobs", "1", "--json");
        Assert.Contains("[2/2] mini, tomato, broken", second.Error);
        Assert.DoesNotContain("concept, 2 steps", second.Error);
        Assert.Equal(before, Results().ToDictionary(r => r, File.GetLastWriteTimeUtc));
    }

    [Theory]
    [InlineData(9)] // SIGKILL: nothing in the process can answer it
    [InlineData(15)] // SIGTERM, as Ctrl-C
    public void A_comparison_that_was_ended_goes_on_and_loses_nothing(int signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are Unix'");
        var plan = PlanFiles.Write(_folder, PlanFiles.Small("  concept: {method: concept, options: {schedule: constant, checkpoint-every: 1}}").Replace("steps: 2}", "steps: 40}", StringComparison.Ordinal));
        using (var command = new Command("compare", plan, "-o", Output))
        {
            // The worker says in its log how far it is.
            var log = Path.Combine(Output, "jobs");
            while (!command.HasExited && !Logs(log).Contains("step 5:", StringComparison.Ordinal)) Thread.Sleep(5);
            Assert.Equal(0, Signal(command.Id, signal));
            command.WaitForExit();
            if (signal == 15) Assert.Equal((ExitCodes.Cancelled, true), (command.ExitCode, command.Error.Contains("the same command goes on", StringComparison.Ordinal)));
        }

        Assert.Empty(Results());
        var again = Cli.Run("compare", plan, "-o", Output);
        Assert.True(again.ExitCode == ExitCodes.Success, again.Error);
        using var result = JsonDocument.Parse(File.ReadAllText(Assert.Single(Results())));
        Assert.Equal(40, result.RootElement.GetProperty("metrics").GetProperty("steps").GetInt32());
        Assert.Equal(41, result.RootElement.GetProperty("curve").GetArrayLength());
        Assert.True(result.RootElement.GetProperty("curve")[40].GetProperty("seconds").GetDouble() > 0);
        Assert.DoesNotContain("step 1:", Logs(Path.Combine(Output, "jobs")));
    }

    [Fact]
    public void A_budget_of_time_becomes_steps_and_the_second_stage_starts_from_the_first()
    {
        var genres = """
              pseudo-word: {method: pseudo-word}
              words, then full: {stages: [{method: words}, {method: full}], data: {init: [red apple, tomato]}}
            """;
        var plan = PlanFiles.Write(_folder, PlanFiles.Small(genres).Replace("steps: 2}", "seconds: 0.2}", StringComparison.Ordinal));
        var run = Cli.Run("compare", plan, "-o", Output, "--in-process");
        Assert.True(run.ExitCode == ExitCodes.Success, run.Error);
        Assert.Equal(2, Results().Count);
        Assert.All(Results(), path =>
        {
            using var result = JsonDocument.Parse(File.ReadAllText(path));
            var metrics = result.RootElement.GetProperty("metrics");
            Assert.True(metrics.GetProperty("steps").GetInt32() >= 1);
            Assert.True(metrics.GetProperty("trainable").GetInt64() > 0);
            Assert.InRange(metrics.GetProperty("clip_i").GetDouble(), -1, 1);
        });
        var report = File.ReadAllText(Path.Combine(Output, "report.md"));
        Assert.Contains("--start tomato-words--then-full-0-stage1.concept.safetensors", report);
        Assert.Empty(Directory.EnumerateDirectories(Path.Combine(Output, "jobs"), "*.run", SearchOption.AllDirectories));
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);

    List<string> Results() => Directory.Exists(Path.Combine(Output, "jobs")) ? [.. Directory.EnumerateFiles(Path.Combine(Output, "jobs"), "result.json", SearchOption.AllDirectories)] : [];

    static string Logs(string folder)
    {
        var text = "";
        foreach (var path in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "log.txt", SearchOption.AllDirectories) : [])
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            text += reader.ReadToEnd();
        }

        return text;
    }
}
