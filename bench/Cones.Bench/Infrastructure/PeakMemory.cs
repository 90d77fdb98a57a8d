namespace Cones.Bench.Infrastructure;

/// <summary>The most memory that the process has held (Linux).</summary>
static class PeakMemory
{
    /// <summary>Starts counting anew.</summary>
    public static void Reset()
    {
        if (OperatingSystem.IsLinux()) File.WriteAllText("/proc/self/clear_refs", "5");
    }

    /// <summary>Megabytes (10^6 bytes) since the last reset.</summary>
    public static double Megabytes()
    {
        if (!OperatingSystem.IsLinux()) return double.NaN;
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024 / 1e6;
    }
}
