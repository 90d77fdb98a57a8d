using System.Globalization;

namespace Cones.Models.Native;

/// <summary>How much physical memory the process holds (Linux).</summary>
public static class ResidentMemory
{
    /// <summary>Bytes; 0 where the system does not say.</summary>
    public static long Bytes()
    {
        if (!OperatingSystem.IsLinux()) return 0;
        try
        {
            // proc(5): size and resident set in pages.
            return long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
