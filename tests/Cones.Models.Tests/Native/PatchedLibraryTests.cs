using System.Diagnostics;
using System.Reflection;
using Cones.Models.Native;

namespace Cones.Models.Tests;

/// <summary>Several processes that start for the first time at once patch the native library at once.</summary>
public sealed class PatchedLibraryTests : IDisposable
{
    const string FolderVariable = "CONES_TEST_NATIVE_FOLDER";
    const string Version = "GLIBCXX_3.4.32";
    const string Library = "libLibTorchSharp.so";

    readonly string _folder = Directory.CreateTempSubdirectory("cones-native-").FullName;

    /// <summary>What each process of <see cref="Processes_that_patch_at_once_all_get_the_whole_copy"/> does.</summary>
    [Fact(Explicit = true)]
    public void Patch_in_the_folder_of_the_environment()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable);
        Assert.NotNull(folder);
        File.WriteAllText(Path.Combine(folder, $"ready-{Environment.ProcessId}"), "");
        var clock = Stopwatch.StartNew();
        while (!File.Exists(Path.Combine(folder, "go"))) Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), "nobody gives the word");
        var copy = PatchedLibrary.EnsureCopy(Path.Combine(folder, Library), Version, Path.Combine(folder, "cache"));
        Assert.NotNull(copy);
        // Whoever comes second may find the copy of the first: it must be whole at every moment.
        var image = File.ReadAllBytes(Path.Combine(folder, Library));
        ElfVersionPatch.MarkWeak(image, Version);
        Assert.True(image.AsSpan().SequenceEqual(File.ReadAllBytes(copy)));
    }

    [Fact]
    public void Processes_that_patch_at_once_all_get_the_whole_copy()
    {
        var original = Original();
        Assert.SkipWhen(original is null, "there is no Linux library of TorchSharp here");
        File.Copy(original, Path.Combine(_folder, Library));
        var processes = Enumerable.Range(0, 3).Select(_ => Start()).ToArray();
        try
        {
            var clock = Stopwatch.StartNew();
            while (Directory.GetFiles(_folder, "ready-*").Length < processes.Length)
            {
                Assert.True(clock.Elapsed < TimeSpan.FromMinutes(3), "the processes do not start");
                Assert.DoesNotContain(processes, p => p.HasExited);
                Thread.Sleep(5);
            }

            File.WriteAllText(Path.Combine(_folder, "go"), "");
            foreach (var process in processes)
            {
                Assert.True(process.WaitForExit(TimeSpan.FromMinutes(3)), "a process does not end");
                Assert.Equal(0, process.ExitCode);
            }
        }
        finally
        {
            foreach (var process in processes)
            {
                if (!process.HasExited) process.Kill();
                process.Dispose();
            }
        }

        Assert.Equal(2, Directory.GetFiles(_folder, "*.so").Length); // the original and one copy, nothing half-written
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp"));
    }

    [Fact]
    public void A_damaged_copy_is_made_anew_and_a_folder_that_may_not_be_written_has_its_copy_in_the_cache()
    {
        var original = Original();
        Assert.SkipWhen(original is null, "there is no Linux library of TorchSharp here");
        var path = Path.Combine(_folder, Library);
        File.Copy(original, path);
        var cache = Path.Combine(_folder, "cache");
        var copy = PatchedLibrary.EnsureCopy(path, Version, cache)!;
        Assert.Equal(_folder, Path.GetDirectoryName(copy));
        File.WriteAllText(copy, "half");
        Assert.Equal(copy, PatchedLibrary.EnsureCopy(path, Version, cache));
        Assert.Equal(new FileInfo(path).Length, new FileInfo(copy).Length);
        Assert.Null(PatchedLibrary.EnsureCopy(path, "GLIBCXX_99", cache));

        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "root may write everywhere");
        File.Delete(copy);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var other = Path.Combine(Path.GetTempPath(), $"cones-cache-{Environment.ProcessId}");
        Assert.Equal(other, Path.GetDirectoryName(PatchedLibrary.EnsureCopy(path, Version, other)));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Delete(other, recursive: true);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static string? Original() =>
        new[] { AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native") }
            .Select(f => Path.Combine(f, Library)).FirstOrDefault(File.Exists);

    Process Start()
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        var test = $"{typeof(PatchedLibraryTests).FullName}.{nameof(Patch_in_the_folder_of_the_environment)}";
        foreach (var argument in (string[])["-explicit", "only", "-method", test]) start.ArgumentList.Add(argument);
        start.Environment[FolderVariable] = _folder;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
