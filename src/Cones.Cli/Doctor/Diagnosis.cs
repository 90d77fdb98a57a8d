using Cones.Cli.Output;

namespace Cones.Cli.Doctor;

/// <summary>Says what is wrong with a machine, and the remedy.</summary>
static class Diagnosis
{
    const long GiB = 1L << 30;
    const long LittleMemory = 4 * GiB;
    const long LittleDisk = 1 * GiB;

    static readonly string[] s_threadVariables = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"];

    /// <summary>The problems of a report, errors first.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="variable">Gives an environment variable.</param>
    public static IReadOnlyList<Problem> Of(DoctorReport report, Func<string, string?> variable) =>
        [.. All(report, variable).OrderByDescending(p => p.Severity)];

    static IEnumerable<Problem> All(DoctorReport report, Func<string, string?> variable)
    {
        if (!report.Native.Loaded)
        {
            yield return new Problem(
                Severity.Error,
                $"LibTorch did not load: {report.Native.Failure ?? "no cause was given"}",
                report.OperatingSystem.Contains("Alpine", StringComparison.OrdinalIgnoreCase)
                    ? "use a distribution with glibc; LibTorch does not run with musl"
                    : "reinstall cones; on Linux install libstdc++ and libgomp, on Windows the Visual C++ runtime");
        }
        else if (report.Native.Threads < report.Cores)
        {
            // LibTorch takes one thread a physical core, of which there may be half as many.
            var limit = s_threadVariables.FirstOrDefault(v => int.TryParse(variable(v), out var n) && n < report.Cores);
            if (limit is not null)
                yield return new Problem(Severity.Warning, $"{report.Native.Threads} of {report.Cores} cores are used, since {limit} is {variable(limit)}", $"unset {limit}");
            else if (report.Native.Threads * 2 < report.Cores)
                yield return new Problem(Severity.Warning, $"{report.Native.Threads} of {report.Cores} cores are used", $"set OMP_NUM_THREADS to {report.Cores}");
        }

        if (report.VectorLevel == "none")
            yield return new Problem(Severity.Warning, "the processor has neither AVX2 nor NEON: everything takes many times as long", "use another machine, or allow AVX2 in the virtual machine's settings");
        if (report.MemoryBytes < LittleMemory)
            yield return new Problem(Severity.Warning, $"{TextOutput.Size(report.MemoryBytes)} of memory hold small models only", "give the machine or container 4 GiB or more, or use the embedded models");
        if (!report.Unicode)
            yield return new Problem(Severity.Warning, "there is no Unicode data: prompts outside ASCII are refused", "install libicu and unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT");
        foreach (var model in report.EmbeddedModels.Where(m => m.Path is null))
            yield return new Problem(Severity.Warning, $"the embedded model {model.Name} was not found beside the program", "reinstall cones, or name a model by its path");
        foreach (var folder in report.Folders)
        {
            if (!folder.Writable)
                yield return new Problem(Severity.Warning, $"{folder.Path} ({folder.Purpose}) cannot be written", Remedy(folder.Purpose));
            else if (folder.FreeBytes < LittleDisk)
                yield return new Problem(Severity.Warning, $"{folder.Path} ({folder.Purpose}) has {TextOutput.Size(folder.FreeBytes.Value)} left", "free some space");
        }
    }

    static string Remedy(string purpose) => purpose switch
    {
        "temporary files" => "set TMPDIR to a folder that can be written",
        "patched libraries" => "set XDG_CACHE_HOME to a folder that can be written",
        _ => "change its permissions, or name another folder with --output",
    };
}
