using Cones.Models.Native;

namespace Cones.Bench.Infrastructure;

/// <summary>The most memory that the process has held.</summary>
static class PeakMemory
{
    /// <summary>Starts counting anew.</summary>
    public static void Reset() => Machine.ResetPeakMemory();

    /// <summary>Megabytes (10^6 bytes) since the last reset; NaN where the system does not tell.</summary>
    public static double Megabytes() => Machine.PeakMemoryBytes() / 1e6 ?? double.NaN;
}
