using System.Diagnostics;
using System.Reflection;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Runs;

namespace Cones.Tests.Search;

/// <summary>Kills a real process in the middle of its work, writing included.</summary>
public sealed class KillTests
{
    const string FolderVariable = "CONES_TEST_SEARCH_FOLDER";

    // A checkpoint every other step: about half of all kills hit one that is being written.
    static readonly SearchOptions s_options = new()
    {
        Steps = 600,
        EvaluationInterval = 3,
        CheckpointInterval = 2,
        CheckpointSeconds = 0,
        EmaDecay = 0.9,
        Optimizer = new() { LearningRate = 0.1 },
        EarlyStop = new() { Name = EarlyStopKind.Variance, Window = 190, Threshold = 1e-6 },
    };

    /// <summary>What the process does that <see cref="A_process_killed_at_random_moments_gives_the_same_bytes"/> kills.</summary>
    [Fact(Explicit = true)]
    public void Search_in_the_folder_of_the_environment()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable);
        Assert.NotNull(folder);
        Search(folder, new FileWriter(Path.Combine(folder, "alive")));
    }

    [Fact]
    public void A_process_killed_at_random_moments_gives_the_same_bytes()
    {
        using var folder = new TemporaryFolder();
        Search(folder["whole"], null);
        var run = folder["killed"];
        Directory.CreateDirectory(run);
        var random = new Random(20);
        var reached = new List<int>();
        for (var kill = 0; kill < 3; kill++)
        {
            using var process = Start(run);
            var clock = Stopwatch.StartNew();
            while (!File.Exists(Path.Combine(run, "alive")))
            {
                Assert.False(process.HasExited, "the process ended before its first step");
                Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), "the process does not begin");
                Thread.Sleep(5);
            }

            Thread.Sleep(random.Next(150));
            process.Kill();
            process.WaitForExit();
            File.Delete(Path.Combine(run, "alive"));
            reached.Add(File.ReadLines(Path.Combine(run, "metrics.jsonl")).Count());
        }

        Search(run, null);
        Assert.Equal(TemporaryFolder.Digest(folder["whole"]), TemporaryFolder.Digest(run));
        Assert.True(reached[0] < File.ReadLines(Path.Combine(run, "metrics.jsonl")).Count(), "the process was through before it was killed");
    }

    static Process Start(string folder)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        var test = $"{typeof(KillTests).FullName}.{nameof(Search_in_the_folder_of_the_environment)}";
        foreach (var argument in (string[])["-explicit", "only", "-method", test]) start.ArgumentList.Add(argument);
        start.Environment[FolderVariable] = folder;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    static void Search(string folder, ISearchObserver? observer)
    {
        using var problem = new TinyProblem();
        using var run = RunFolder.Open(folder);
        TinySearch.Run(problem, s_options, run, observer).Dispose();
    }

    sealed class FileWriter(string path) : ISearchObserver
    {
        public void OnStep(StepReport report)
        {
            if (!File.Exists(path)) File.WriteAllText(path, "");
        }
    }
}
