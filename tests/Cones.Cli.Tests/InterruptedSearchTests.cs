using System.Runtime.InteropServices;

namespace Cones.Cli.Tests;

/// <summary>Searches by the real command that are killed, or asked to stop, and begun again.</summary>
public sealed partial class InterruptedSearchTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("cones-kill-").FullName;

    [Theory]
    [InlineData("generation")]
    [InlineData("segmentation")]
    public void A_command_killed_at_random_moments_and_started_again_writes_the_same_bytes(string task)
    {
        using (var whole = new Command(Arguments(task, "whole")))
        {
            whole.WaitForExit();
            Assert.True(whole.ExitCode == 0, whole.Error);
        }

        var random = new Random(11);
        var killed = 0;
        for (var i = 0; i < 3; i++)
        {
            using var command = new Command(Arguments(task, "killed"));
            command.WaitFor("searching");
            Thread.Sleep(random.Next(400)); // some steps, each of which ends with a checkpoint
            if (command.HasExited) break;
            command.Kill();
            Assert.NotEqual(0, command.ExitCode);
            Assert.False(File.Exists(In("killed.concept.safetensors")));
            killed++;
        }

        Assert.True(killed > 0, "the search was through before it was killed");
        using var last = new Command(Arguments(task, "killed"));
        last.WaitForExit();
        Assert.True(last.ExitCode == 0, last.Error);
        Assert.Equal(File.ReadAllBytes(In("whole.concept.safetensors")), File.ReadAllBytes(In("killed.concept.safetensors")));
        Assert.Equal(File.ReadAllBytes(In("whole.run/metrics.jsonl")), File.ReadAllBytes(In("killed.run/metrics.jsonl")));
        Assert.Empty(Directory.EnumerateFiles(_folder, "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_request_to_end_saves_and_the_same_command_goes_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are Unix'");
        const int terminate = 15;
        using (var command = new Command(Arguments("generation", "stopped", steps: 10_000)))
        {
            command.WaitFor("step     6");
            Assert.Equal(0, Signal(command.Id, terminate));
            command.WaitForExit();
            Assert.Equal(ExitCodes.Cancelled, command.ExitCode);
            Assert.Contains("goes on from there", command.Error);
        }

        Assert.NotEmpty(Directory.GetFiles(In("stopped.run/checkpoints")));
        using var again = new Command(Arguments("generation", "stopped", steps: 10_000));
        again.WaitFor("going on from step");
        Assert.Contains("going on from step", again.Error);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);

    string In(string name) => Path.Combine(_folder, name);

    IEnumerable<string> Arguments(string task, string name, int steps = 16) => task == "generation"
        ?
        [
            "search", "generation", "--images", Path.Combine(TestFiles.Root, "samples", "generation", "tomato"), "--name", "<tomato>", "--init", "red apple",
            "--steps", $"{steps}", "--batch", "2", "--evaluation-batch", "2", "--evaluate-every", "3", "--checkpoint-every", "1", "--no-flip", "--no-previews",
            "--schedule", "constant", "-o", In(name + ".concept.safetensors"),
        ]
        :
        [
            "search", "segmentation", "--data", Pictures(), "--model", Path.Combine(TestFiles.Root, "tests", "goldens", "sam", "model_a"), "--feature-cache", In("cache"),
            "--steps", $"{10 * steps}", "--evaluate-every", "3", "--early-stop", "none", "--checkpoint-every", "1", "-o", In(name + ".concept.safetensors"),
        ];

    string Pictures()
    {
        if (!File.Exists(In("data.json"))) SegmentationPictures.Write(_folder);
        return In("data.json");
    }
}
