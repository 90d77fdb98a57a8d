using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>What DPM-Solver++ and UniPC share: tables, and the network's output turned into a clean sample or noise.</summary>
public abstract class MultistepScheduler : SigmaScheduler
{
    private protected MultistepScheduler(SchedulerConfig config)
        : base(config) => Outputs = new TensorHistory(config.SolverOrder);

    /// <summary>Converted outputs of the last steps.</summary>
    private protected TensorHistory Outputs { get; }

    /// <summary>Whether the solver works on the clean sample instead of the noise.</summary>
    private protected abstract bool OnOriginal { get; }

    /// <summary>Whether noise is recomputed from a thresholded clean sample.</summary>
    private protected virtual bool ThresholdsNoise => false;

    /// <summary>One past the largest timestep to visit.</summary>
    private protected virtual int EndTimestep => Config.NumTrainTimesteps;

    private protected override void Forget()
    {
        base.Forget();
        Outputs.Clear();
    }

    private protected override (double[] Timesteps, double[] Sigmas) Tables(int steps)
    {
        var timesteps = TimestepTable.WholeBeforeEnd(Config, steps, EndTimestep);
        if (Config.SigmaSpacing == SigmaSpacing.Timesteps)
            return (timesteps, [.. SigmaTable.Interpolate(timesteps, TrainingSigmas), Config.FinalSigmaIsZero ? 0 : TrainingSigmas[0]]);

        float[] logSigmas = [.. TrainingSigmas.Select(NumpyMath.Log)];
        var sigmas = Config.SigmaSpacing == SigmaSpacing.Lu
            ? [.. TimestepTable.Linspace(logSigmas[^1], logSigmas[0], steps).Select(Math.Exp)]
            : SigmaTable.Spread(Config.SigmaSpacing, Config.SigmaMin ?? TrainingSigmas[0], Config.SigmaMax ?? TrainingSigmas[^1], steps);
        var positions = sigmas.Select(s => SigmaTable.TimestepOf(s, logSigmas));
        timesteps = [.. RoundsTimesteps ? positions.Select(t => Math.Round(t)) : positions.Select(t => Math.Truncate(t))];
        return (timesteps, [.. sigmas, Config.FinalSigmaIsZero ? 0 : FinalSpreadSigma(sigmas)]);
    }

    /// <summary>Whether spread noise levels belong to the nearest timestep; otherwise to the one below.</summary>
    private protected abstract bool RoundsTimesteps { get; }

    /// <summary>The final level of a spread that does not end at 0.</summary>
    private protected abstract double FinalSpreadSigma(double[] sigmas);

    /// <summary>Half the log signal-to-noise ratio of a level.</summary>
    private protected static float Lambda((float Signal, float Noise) level) => TorchMath.Log(level.Signal) - TorchMath.Log(level.Noise);

    private protected (float Signal, float Noise) LevelAt(int index) => VariancePreserving(Sigmas![index]);

    /// <summary>The network's output as the solver wants it, and the predicted clean sample.</summary>
    private protected (Tensor Converted, Tensor Original) Convert(Tensor output, Tensor sample)
    {
        var (alpha, sigma) = LevelAt(StepIndex);
        var original = Config.PredictionType switch
        {
            PredictionType.Epsilon => (sample - (sigma * output)) / alpha,
            PredictionType.VPrediction => (alpha * sample) - (sigma * output),
            _ => output.alias(),
        };
        if (OnOriginal)
        {
            if (Config.Thresholding) original = Threshold(original);
            return (original, original);
        }

        var epsilon = Config.PredictionType switch
        {
            PredictionType.Epsilon => output.alias(),
            PredictionType.VPrediction => (alpha * output) + (sigma * sample),
            _ => (sample - (alpha * output)) / sigma,
        };
        if (!ThresholdsNoise) return (epsilon, original);
        original = Threshold((sample - (sigma * epsilon)) / alpha);
        return ((sample - (alpha * original)) / sigma, original);
    }
}
