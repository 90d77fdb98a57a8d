namespace Cones.Cli.Tests;

/// <summary>Detection searches by the real command that are killed and begun again.</summary>
public sealed class InterruptedDetectionTests : IDisposable
{
    readonly DetectionFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("concept", "searching")]
    [InlineData("full", "training")]
    public void A_command_killed_at_random_moments_and_started_again_writes_the_same_bytes(string method, string stage)
    {
        using (var whole = new Command(Arguments("whole", method)))
        {
            whole.WaitForExit();
            Assert.True(whole.ExitCode == 0, whole.Error);
        }

        var random = new Random(12);
        var killed = 0;
        for (var i = 0; i < 2; i++)
        {
            using var command = new Command(Arguments("killed", method));
            command.WaitFor(stage);
            Thread.Sleep(random.Next(300)); // some steps, each of which ends with a checkpoint
            if (command.HasExited) break;
            command.Kill();
            Assert.False(File.Exists(Result("killed", method)));
            killed++;
        }

        Assert.True(killed > 0, "the search was through before it was killed");
        using var last = new Command(Arguments("killed", method));
        last.WaitForExit();
        Assert.True(last.ExitCode == 0, last.Error);
        Assert.Equal(File.ReadAllBytes(Result("whole", method)), File.ReadAllBytes(Result("killed", method)));
        Assert.Equal(File.ReadAllBytes(_files.In("whole.run/metrics.jsonl")), File.ReadAllBytes(_files.In("killed.run/metrics.jsonl")));
        Assert.Empty(Directory.EnumerateFiles(_files.Folder, "*.tmp", SearchOption.AllDirectories));
    }

    string Result(string name, string method) => _files.In(method == "full" ? $"{name}/model.safetensors" : $"{name}.concept.safetensors");

    IEnumerable<string> Arguments(string name, string method) =>
    [
        "search", "detection", "--data", _files.In("data.json"), "--images", _files.In("pictures"), "--val", _files.In("data.json"), "--model", DetectionFiles.Model, "--method", method,
        "--steps", "30", "--accumulate", "2", "--evaluate-every", "4", "--early-stop", "none", "--checkpoint-every", "1", "-o", method == "full" ? _files.In(name) : _files.In(name + ".concept.safetensors"),
    ];
}
