using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>Ancestral sampling of Ho et al., 2020 (<c>DDPMScheduler</c>).</summary>
public sealed class DdpmScheduler : Scheduler
{
    const float MinVariance = 1e-20f;
    readonly string _varianceType;

    /// <summary>A scheduler without a run.</summary>
    /// <exception cref="ConesException">The variance is one that the network would have to predict.</exception>
    public DdpmScheduler(SchedulerConfig config)
        : base(config)
    {
        _varianceType = config.VarianceType ?? "fixed_small";
        if (_varianceType is not ("fixed_small" or "fixed_small_log" or "fixed_large"))
            throw new ConesException($"variance_type '{_varianceType}' is not supported (fixed_small, fixed_small_log, fixed_large)");
    }

    private protected override double[] BeginRun(int steps) => TimestepTable.Whole(Config, steps);

    private protected override (Tensor Previous, Tensor Original) TakeStep(Tensor output, double timestep, Tensor sample, INoiseSource? noise, double eta)
    {
        var t = (int)timestep;
        var alpha = AlphaAt(t);
        var alphaPrevious = PreviousTimestep(timestep) is { } previousTimestep and >= 0 ? AlphaAt(previousTimestep) : 1f;
        var (beta, betaPrevious) = (1f - alpha, 1f - alphaPrevious);
        var stepAlpha = alpha / alphaPrevious;
        var stepBeta = 1f - stepAlpha;

        var original = Clip(Config.PredictionType switch
        {
            PredictionType.Epsilon => (sample - (MathF.Sqrt(beta) * output)) / MathF.Sqrt(alpha),
            PredictionType.VPrediction => (MathF.Sqrt(alpha) * sample) - (MathF.Sqrt(beta) * output),
            _ => output.alias(),
        });

        // Equation 7.
        var previous = (MathF.Sqrt(alphaPrevious) * stepBeta / beta * original) + (MathF.Sqrt(stepAlpha) * betaPrevious / beta * sample);
        if (t > 0) previous += Deviation(MathF.Max(betaPrevious / beta * stepBeta, MinVariance), stepBeta) * Draw(noise, output);
        return (previous, original);
    }

    float Deviation(float variance, float stepBeta) => _varianceType switch
    {
        "fixed_large" => MathF.Sqrt(stepBeta),
        "fixed_small_log" => MathF.Exp(0.5f * MathF.Log(variance)),
        _ => MathF.Sqrt(variance),
    };

    // The next entry of the run, whatever the distance.
    int? PreviousTimestep(double timestep)
    {
        for (var i = 0; i < Timesteps.Count; i++)
            if (Timesteps[i] == timestep) return i + 1 < Timesteps.Count ? (int)Timesteps[i + 1] : null;
        throw new ArgumentException($"timestep {timestep} is not one of this run");
    }
}
