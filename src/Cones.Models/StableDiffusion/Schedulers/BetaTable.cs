using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>β of the training timesteps, in float32 throughout: the reference's rounding is part of published models.</summary>
static class BetaTable
{
    const double MaxBeta = 0.999;

    public static Tensor Betas(SchedulerConfig config)
    {
        var betas = config.TrainedBetas is { } given
            ? tensor(given.Select(b => (float)b).ToArray())
            : Named(config);
        return config.RescaleBetasZeroSnr ? RescaleToZeroTerminalSnr(betas) : betas;
    }

    static Tensor Named(SchedulerConfig config)
    {
        var (start, end, count) = (config.BetaStart, config.BetaEnd, config.NumTrainTimesteps);
        if (config.BetaSchedule is BetaSchedule.Sigmoid or BetaSchedule.Laplace && config.ClassName != SchedulerClasses.Ddpm)
            throw new ConesException($"beta_schedule '{config.BetaSchedule}' is for {SchedulerClasses.Ddpm} only, not for {config.ClassName}");
        return config.BetaSchedule switch
        {
            BetaSchedule.Linear => linspace(start, end, count, ScalarType.Float32),
            BetaSchedule.ScaledLinear => linspace(Math.Sqrt(start), Math.Sqrt(end), count, ScalarType.Float32).pow(2),
            BetaSchedule.SquaredCosCapV2 => FromAlphaBar(count, Cosine),
            BetaSchedule.Laplace => FromAlphaBar(count, Laplace),
            _ => (linspace(-6, 6, count, ScalarType.Float32).sigmoid() * (end - start)) + start,
        };
    }

    // Nichol and Dhariwal 2021, equation 17.
    static double Cosine(double t) => Math.Pow(Math.Cos((t + 0.008) / 1.008 * Math.PI / 2), 2);

    static double Laplace(double t)
    {
        var logSnr = -0.5 * Math.CopySign(1, 0.5 - t) * Math.Log(1 - (2 * Math.Abs(0.5 - t)) + 1e-6);
        var snr = Math.Exp(logSnr);
        return Math.Sqrt(snr / (1 + snr));
    }

    static Tensor FromAlphaBar(int count, Func<double, double> alphaBar)
    {
        var betas = new float[count];
        for (var i = 0; i < count; i++)
            betas[i] = (float)Math.Min(1 - (alphaBar((i + 1) / (double)count) / alphaBar(i / (double)count)), MaxBeta);
        return tensor(betas);
    }

    // Lin et al. 2023, algorithm 1: √ᾱ is shifted so that its last value is 0 and scaled so that its first stays.
    static Tensor RescaleToZeroTerminalSnr(Tensor betas)
    {
        var root = (1.0 - betas).cumprod(0).sqrt(); // [T]
        var (first, last) = (root[0], root[-1]);
        var alphaBar = ((root - last) * (first / (first - last))).pow(2);
        var alphas = alphaBar[1..] / alphaBar[..^1];
        return 1.0 - cat([alphaBar[..1], alphas]);
    }
}
