using System.Diagnostics;

namespace Cones.Bench.Infrastructure;

/// <summary>Times repetitions.</summary>
static class StepTimer
{
    /// <summary>The median in seconds of some repetitions after one warm-up; each one goes to stderr.</summary>
    public static double Median(int repetitions, Action step)
    {
        step();
        var times = new List<double>();
        for (var i = 0; i < repetitions; i++)
        {
            var start = Stopwatch.GetTimestamp();
            step();
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            Console.Error.WriteLine($"  {times[^1]:0.000} s");
        }

        return MedianOf(times);
    }

    /// <summary>The median.</summary>
    public static double MedianOf(IEnumerable<double> times)
    {
        var sorted = times.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
