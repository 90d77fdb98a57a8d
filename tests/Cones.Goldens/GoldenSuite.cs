using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens;

/// <summary>Finds the runner of a case and runs it.</summary>
public static class GoldenSuite
{
    static readonly Dictionary<string, IGoldenRunner> s_runners = FindRunners();

    /// <summary>The folder that <c>CONES_GOLDENS</c> names, by default <c>tests/goldens</c> of the project.</summary>
    public static string DefaultFolder =>
        Environment.GetEnvironmentVariable("CONES_GOLDENS") is { Length: > 0 } folder ? folder : Path.Combine(ProjectFolder, "tests", "goldens");

    /// <summary>The folder of public data that <c>CONES_DATA</c> names, by default <c>../shared/data</c> beside the project.</summary>
    public static string DataFolder =>
        Environment.GetEnvironmentVariable("CONES_DATA") is { Length: > 0 } folder ? folder : Path.Combine(ProjectFolder, "..", "shared", "data");

    /// <summary>The project's folder: the first one above the program that holds <c>cones.slnx</c>.</summary>
    public static string ProjectFolder { get; } = FindProjectFolder();

    /// <summary>Runs one case. A kind without a runner fails unless <c>pending.txt</c> gives a reason.</summary>
    public static GoldenResult Run(GoldenCase golden)
    {
        var result = new GoldenResult(golden);
        if (!s_runners.TryGetValue(golden.Kind, out var runner))
        {
            if (PendingReason(golden.Kind) is { } reason) result.Skip($"pending: {reason}");
            else result.Fail($"no runner for kind '{golden.Kind}'");
            return result;
        }

        using var scope = NewDisposeScope();
        try
        {
            runner.Run(golden, result);
            if (result.Skipped is null && result.Checks == 0) result.Fail("the runner compared nothing");
        }
        catch (Exception e)
        {
            result.Fail($"{e.GetType().Name}: {e.Message}\n{e.StackTrace}");
        }

        return result;
    }

    // A line of pending.txt: `kind: reason`.
    static string? PendingReason(string kind)
    {
        var file = Path.Combine(ProjectFolder, "tests", "goldens", "pending.txt");
        if (!File.Exists(file)) return null;
        var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith(kind + ":", StringComparison.Ordinal));
        return line?[(kind.Length + 1)..].Trim() is { Length: > 0 } reason ? reason : null;
    }

    static Dictionary<string, IGoldenRunner> FindRunners()
    {
        var runners = new Dictionary<string, IGoldenRunner>();
        foreach (var type in typeof(GoldenSuite).Assembly.GetTypes().Where(t => t.IsClass && !t.IsAbstract && t.IsAssignableTo(typeof(IGoldenRunner))))
        {
            var runner = (IGoldenRunner)Activator.CreateInstance(type)!;
            foreach (var kind in runner.Kinds) runners.Add(kind, runner);
        }

        return runners;
    }

    static string FindProjectFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "cones.slnx"))) return folder.FullName;
        return Directory.GetCurrentDirectory();
    }
}
