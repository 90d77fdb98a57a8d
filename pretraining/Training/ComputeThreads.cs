using System.Diagnostics;
using System.Globalization;

namespace Cones.Pretraining.Training;

/// <summary>How many threads a run computes with. Sums depend on it, so it is chosen at the start and stays.</summary>
static class ComputeThreads
{
    /// <summary>
    /// The cores that are free now, at least one: two threads beside another busy process are slower than one (by ten times in
    /// one measurement), since they wait for each other.
    /// </summary>
    public static int Free()
    {
        var cores = Environment.ProcessorCount;
        return Math.Clamp((int)Math.Round(cores - Load()), 1, cores);
    }

    /// <summary>Gives way to all other work of the machine.</summary>
    public static void BeNice()
    {
        using var self = Process.GetCurrentProcess();
        self.PriorityClass = ProcessPriorityClass.Idle;
    }

    // The load of the last minute, where the system says it.
    static double Load()
    {
        const string file = "/proc/loadavg";
        if (!File.Exists(file)) return 0;
        return double.Parse(File.ReadAllText(file).Split(' ')[0], CultureInfo.InvariantCulture);
    }
}
