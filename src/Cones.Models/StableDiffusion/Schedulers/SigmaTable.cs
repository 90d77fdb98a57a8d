namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// Noise levels σ = √((1−ᾱ)/ᾱ) of an inference run. The training table is float32; what is derived from it is float64 until the
/// scheduler stores it as float32.
/// </summary>
static class SigmaTable
{
    const double Rho = 7; // Karras et al. 2022, table 1

    /// <summary>σ of every training timestep, [T], rising.</summary>
    public static float[] Training(IReadOnlyList<float> alphasCumprod) => [.. alphasCumprod.Select(a => MathF.Sqrt((1f - a) / a))];

    /// <summary>σ at <paramref name="timesteps"/>, linear between the entries of <paramref name="training"/>.</summary>
    public static double[] Interpolate(IEnumerable<double> timesteps, float[] training)
    {
        return [.. timesteps.Select(At)];

        double At(double t)
        {
            if (t >= training.Length - 1) return training[^1];
            if (t <= 0) return training[0];
            var low = (int)t;
            double slope = (double)training[low + 1] - training[low];
            return (slope * (t - low)) + training[low];
        }
    }

    /// <summary>σ falling from <paramref name="max"/> to <paramref name="min"/> in <paramref name="steps"/> entries.</summary>
    public static double[] Spread(SigmaSpacing spacing, double min, double max, int steps) => spacing switch
    {
        SigmaSpacing.Karras => Karras(min, max, steps),
        SigmaSpacing.Exponential => [.. TimestepTable.Linspace(Math.Log(max), Math.Log(min), steps).Select(Math.Exp)],
        SigmaSpacing.Beta => [.. TimestepTable.Linspace(0, 1, steps).Select(p => min + (BetaDistribution.Quantile(1 - p, 0.6) * (max - min)))],
        _ => throw new ArgumentOutOfRangeException(nameof(spacing), spacing, "not a spread between two noise levels"),
    };

    /// <summary>The timestep at which the training table has noise level <paramref name="sigma"/>, linear in log σ.</summary>
    /// <param name="sigma">A noise level.</param>
    /// <param name="logSigmas">Logarithms of the training table, rising.</param>
    public static double TimestepOf(double sigma, float[] logSigmas)
    {
        var wanted = Math.Log(Math.Max(sigma, 1e-10));
        var low = Math.Min(CountNotAbove(logSigmas, wanted) - 1, logSigmas.Length - 2);
        if (low < 0) low = 0;
        var weight = Math.Clamp((logSigmas[low] - wanted) / (logSigmas[low] - logSigmas[low + 1]), 0, 1);
        return ((1 - weight) * low) + (weight * (low + 1));
    }

    static double[] Karras(double min, double max, int steps)
    {
        var (minRoot, maxRoot) = (Math.Pow(min, 1 / Rho), Math.Pow(max, 1 / Rho));
        return [.. TimestepTable.Linspace(0, 1, steps).Select(ramp => Math.Pow(maxRoot + (ramp * (minRoot - maxRoot)), Rho))];
    }

    static int CountNotAbove(float[] rising, double value)
    {
        var count = 0;
        while (count < rising.Length && rising[count] <= value) count++;
        return count;
    }
}
