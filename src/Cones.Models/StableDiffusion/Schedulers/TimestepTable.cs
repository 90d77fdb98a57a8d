namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// Timesteps of an inference run, from noise to image. Rounding is half to even and the sequences are summed as numpy sums
/// them, so that the tables agree entry by entry.
/// </summary>
static class TimestepTable
{
    /// <summary>N points for N steps, whole numbers (DDPM, DDIM, PNDM).</summary>
    public static double[] Whole(SchedulerConfig config, int steps) => config.TimestepSpacing switch
    {
        TimestepSpacing.Linspace => Reversed(Linspace(0, config.NumTrainTimesteps - 1, steps).Select(t => Math.Round(t))),
        TimestepSpacing.Leading => Leading(config.NumTrainTimesteps / steps, steps, config.StepsOffset),
        _ => Trailing(config.NumTrainTimesteps, config.NumTrainTimesteps / (double)steps),
    };

    /// <summary>N points for N steps, fractions allowed, float32 (Euler).</summary>
    public static double[] Fractional(SchedulerConfig config, int steps) => config.TimestepSpacing == TimestepSpacing.Linspace
        ? Reversed(Linspace(0, config.NumTrainTimesteps - 1, steps).Select(t => (double)(float)t))
        : Whole(config, steps);

    /// <summary>N + 1 points of which the last is left out, whole numbers (DPM-Solver++, UniPC).</summary>
    /// <param name="config">The options.</param>
    /// <param name="steps">N.</param>
    /// <param name="end">One past the largest timestep to visit.</param>
    public static double[] WholeBeforeEnd(SchedulerConfig config, int steps, int end) => config.TimestepSpacing switch
    {
        TimestepSpacing.Linspace => Reversed(Linspace(0, end - 1, steps + 1).Skip(1).Select(t => Math.Round(t))),
        TimestepSpacing.Leading => Leading(end / (steps + 1), steps + 1, config.StepsOffset)[..^1],
        _ => Trailing(end, config.NumTrainTimesteps / (double)steps),
    };

    /// <summary><paramref name="count"/> numbers from <paramref name="start"/> to <paramref name="stop"/>, both included.</summary>
    public static double[] Linspace(double start, double stop, int count)
    {
        var points = new double[count];
        var step = count > 1 ? (stop - start) / (count - 1) : 0;
        for (var i = 0; i < count; i++) points[i] = (i * step) + start;
        if (count > 1) points[^1] = stop;
        return points;
    }

    static double[] Leading(int step, int count, int offset) =>
        Reversed(Enumerable.Range(0, count).Select(i => (double)(((long)i * step) + offset)));

    static double[] Trailing(int end, double step)
    {
        // The length is rounded up, so that a rounding error can add an entry, as it does at 61 steps of 1000.
        var count = (int)Math.Ceiling(end / step);
        var delta = end - step - end;
        var points = new double[count];
        for (var i = 0; i < count; i++) points[i] = Math.Round(end + (i * delta)) - 1;
        return points;
    }

    static double[] Reversed(IEnumerable<double> points) => [.. points.Reverse()];
}
