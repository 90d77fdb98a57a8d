using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>Implicit sampling of Song et al., 2021 (<c>DDIMScheduler</c>).</summary>
public sealed class DdimScheduler : Scheduler
{
    readonly float _finalAlpha;

    /// <summary>A scheduler without a run.</summary>
    public DdimScheduler(SchedulerConfig config)
        : base(config) => _finalAlpha = config.SetAlphaToOne ? 1f : Schedule.AlphasCumprod[0];

    private protected override double[] BeginRun(int steps) => TimestepTable.Whole(Config, steps);

    private protected override (Tensor Previous, Tensor Original) TakeStep(Tensor output, double timestep, Tensor sample, INoiseSource? noise, double eta)
    {
        var t = (int)timestep;
        var previousTimestep = t - (Config.NumTrainTimesteps / StepCount);
        var alpha = AlphaAt(t);
        var alphaPrevious = previousTimestep >= 0 ? AlphaAt(previousTimestep) : _finalAlpha;
        var (beta, betaPrevious) = (1f - alpha, 1f - alphaPrevious);
        var (rootAlpha, rootBeta) = (MathF.Sqrt(alpha), MathF.Sqrt(beta));

        var (original, epsilon) = Config.PredictionType switch
        {
            PredictionType.Epsilon => ((sample - (rootBeta * output)) / rootAlpha, output.alias()),
            PredictionType.VPrediction => ((rootAlpha * sample) - (rootBeta * output), (rootAlpha * output) + (rootBeta * sample)),
            _ => (output.alias(), (sample - (rootAlpha * output)) / rootBeta),
        };
        original = Clip(original);

        // Equation 16; both roots are of numbers that rounding can bring below 0.
        var variance = MathF.Max(betaPrevious / beta * (1f - (alpha / alphaPrevious)), 0f);
        var deviation = (float)eta * MathF.Sqrt(variance);
        var direction = MathF.Sqrt(MathF.Max(1f - alphaPrevious - (deviation * deviation), 0f)) * epsilon;
        var previous = (MathF.Sqrt(alphaPrevious) * original) + direction;
        if (eta > 0) previous += deviation * Draw(noise, output);
        return (previous, original);
    }
}
