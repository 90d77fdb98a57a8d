using Cones.Cli.Doctor;
using Cones.Cli.Output;

namespace Cones.Cli.Tests;

public class DoctorTests
{
    static readonly DoctorReport s_sound = new()
    {
        Cones = "1.0",
        Dotnet = ".NET",
        OperatingSystem = "Debian",
        Architecture = "X64",
        Cores = 8,
        VectorLevel = "AVX2",
        MemoryBytes = 16L << 30,
        Unicode = true,
        Native = new NativeFacts { Loaded = true, TorchSharp = "0.1", LibTorch = "2.0", Threads = 8 },
        ModelCache = new ModelCache("/cache", false, 0, []),
        EmbeddedModels = [new EmbeddedModel("mini-sd", "/models/mini-sd")],
        Folders = [new FolderFacts("temporary files", "/tmp", true, 100L << 30)],
    };

    [Fact]
    public void Json_tells_what_was_found_here()
    {
        var cli = Cli.Run("doctor", "--json", "--no-speed");
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        var json = cli.Json();
        Assert.True(json.GetProperty("usable").GetBoolean());
        Assert.Equal(Environment.ProcessorCount, json.GetProperty("cores").GetInt32());
        Assert.True(json.GetProperty("native").GetProperty("loaded").GetBoolean());
        Assert.StartsWith("2.", json.GetProperty("native").GetProperty("lib_torch").GetString());
        Assert.True(json.GetProperty("embedded_models")[0].TryGetProperty("path", out _));
        Assert.False(json.GetProperty("native").TryGetProperty("gemm_gflops", out _));
    }

    [Fact]
    public void Speed_is_measured_and_the_text_has_no_escape_sequences()
    {
        var cli = Cli.Run("doctor");
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        Assert.Contains("GFLOP/s", cli.Output);
        Assert.DoesNotContain('\u001b', cli.Output);
    }

    [Fact]
    public void A_sound_machine_has_no_problems() => Assert.Empty(Diagnosis.Of(s_sound, _ => null));

    [Fact]
    public void A_library_that_does_not_load_is_an_error_that_comes_first()
    {
        var problems = Diagnosis.Of(s_sound with { MemoryBytes = 1L << 30, Native = new NativeFacts { Failure = "no libgomp" } }, _ => null);
        Assert.Equal([Severity.Error, Severity.Warning], problems.Select(p => p.Severity));
        Assert.Contains("no libgomp", problems[0].What);
        Assert.False((s_sound with { Problems = problems }).Usable);
    }

    [Fact]
    public void Every_lack_has_a_warning_of_its_own()
    {
        Assert.Contains("OMP_NUM_THREADS", Only(s_sound with { Native = s_sound.Native with { Threads = 4 } }, v => v == "OMP_NUM_THREADS" ? "4" : null).Remedy);
        Assert.Contains("AVX2", Only(s_sound with { VectorLevel = "none" }).What);
        Assert.Contains("2 GiB", Only(s_sound with { MemoryBytes = 2L << 30 }).What);
        Assert.Contains("libicu", Only(s_sound with { Unicode = false }).Remedy);
        Assert.Contains("mini-sd", Only(s_sound with { EmbeddedModels = [new EmbeddedModel("mini-sd", null)] }).What);
        Assert.Contains("TMPDIR", Only(s_sound with { Folders = [new FolderFacts("temporary files", "/tmp", false, null)] }).Remedy);
        Assert.Contains("5 MiB", Only(s_sound with { Folders = [new FolderFacts("temporary files", "/tmp", true, 5 << 20)] }).What);

        static Problem Only(DoctorReport report, Func<string, string?>? variable = null)
        {
            var problem = Assert.Single(Diagnosis.Of(report, variable ?? (_ => null)));
            Assert.Equal(Severity.Warning, problem.Severity);
            return problem;
        }
    }

    [Fact]
    public void One_thread_a_physical_core_is_no_problem() =>
        Assert.Empty(Diagnosis.Of(s_sound with { Native = s_sound.Native with { Threads = 4 } }, _ => null));

    [Fact]
    public void A_failed_library_is_shown_as_text_too()
    {
        using var output = new StringWriter();
        var report = s_sound with { Native = new NativeFacts { Failure = "[red]odd[/] \u001b[2J" } };
        DoctorCommand.Print(report with { Problems = Diagnosis.Of(report, _ => null) }, TextOutput.Console(output));
        Assert.Contains("error: LibTorch did not load: [red]odd[/] \\x1b[2J", output.ToString());
    }

    [Fact]
    public void The_cache_counts_blobs_once()
    {
        using var files = new TestFiles();
        var model = files.PathOf("models--org--name");
        Directory.CreateDirectory(Path.Combine(model, "blobs"));
        Directory.CreateDirectory(Path.Combine(model, "snapshots", "main"));
        File.WriteAllBytes(Path.Combine(model, "blobs", "b"), new byte[100]);
        File.CreateSymbolicLink(Path.Combine(model, "snapshots", "main", "model.bin"), Path.Combine(model, "blobs", "b"));
        var cache = DoctorFacts.Cache(files.Folder);
        Assert.Equal(100, cache.Bytes);
        Assert.Equal(["org/name"], cache.Models);
        Assert.False(DoctorFacts.Cache(files.PathOf("none")).Exists);
    }
}
