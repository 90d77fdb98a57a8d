using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using Cones.Models;
using Cones.Models.Native;
using Cones.Models.Weights;

namespace Cones.Cli.Doctor;

/// <summary>Collects what <c>cones doctor</c> reports. Nothing here throws for what a machine lacks.</summary>
static class DoctorFacts
{
    static readonly string[] s_embedded = [EmbeddedModels.StableDiffusion, EmbeddedModels.Clip, EmbeddedModels.Detector, EmbeddedModels.Sam];

    public static DoctorReport Collect(bool measure)
    {
        var report = new DoctorReport
        {
            Cones = Version(typeof(DoctorFacts).Assembly),
            Dotnet = RuntimeInformation.FrameworkDescription,
            OperatingSystem = Machine.OperatingSystemName,
            Architecture = RuntimeInformation.ProcessArchitecture.ToString(),
            Cores = Environment.ProcessorCount,
            VectorLevel = Machine.VectorLevel,
            MemoryBytes = Machine.MemoryBytes,
            Unicode = HasUnicode(),
            Native = NativeProbe.Run(measure),
            ModelCache = Cache(HuggingFaceCache.Default().Root),
            EmbeddedModels = [.. s_embedded.Select(m => new EmbeddedModel(m, FindEmbedded(m)))],
            Folders =
            [
                Folder("temporary files", Path.GetTempPath()),
                Folder("patched libraries", NativeCacheFolder()),
                Folder("current folder", Environment.CurrentDirectory),
            ],
        };
        return report with { Problems = Diagnosis.Of(report, Environment.GetEnvironmentVariable) };
    }

    public static ModelCache Cache(string root)
    {
        if (!Directory.Exists(root)) return new ModelCache(root, false, 0, []);
        // Snapshots link to blobs: links are not followed, so that nothing counts twice.
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint };
        var bytes = new DirectoryInfo(root).EnumerateFiles("*", options).Sum(f => f.Length);
        var models = Directory.EnumerateDirectories(root, "models--*", new EnumerationOptions { IgnoreInaccessible = true })
            .Select(d => Path.GetFileName(d)["models--".Length..].Replace("--", "/", StringComparison.Ordinal));
        return new ModelCache(root, true, bytes, [.. models.Order(StringComparer.Ordinal)]);
    }

    public static FolderFacts Folder(string purpose, string path)
    {
        // A folder that is yet to be made can be made where its closest existing parent can be written.
        var existing = Path.GetFullPath(path);
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent) existing = parent;
        return new FolderFacts(purpose, Path.GetFullPath(path), CanWrite(existing), FreeBytes(existing));
    }

    static bool CanWrite(string folder)
    {
        try
        {
            using var file = new FileStream(Path.Combine(folder, $".cones-doctor-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            file.WriteByte(0);
            file.Flush();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    static long? FreeBytes(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    static string? FindEmbedded(string name)
    {
        try
        {
            return EmbeddedModels.Find(name);
        }
        catch (ConesException)
        {
            return null;
        }
    }

    static string NativeCacheFolder()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(cache)) cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "cones", "native");
    }

    // Without ICU .NET leaves text outside ASCII as it is.
    static bool HasUnicode()
    {
        try
        {
            return "e\u0301".Normalize(NormalizationForm.FormC) == "\u00e9";
        }
        catch (PlatformNotSupportedException)
        {
            return false;
        }
    }

    static string Version(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? assembly.GetName().Version?.ToString() ?? "unknown";
}
