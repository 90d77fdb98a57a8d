using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>Euler's method that steps further down than needed and adds noise (<c>EulerAncestralDiscreteScheduler</c>).</summary>
public sealed class EulerAncestralScheduler : EulerScheduler
{
    /// <summary>A scheduler without a run.</summary>
    /// <exception cref="ConesException">The network predicts clean samples.</exception>
    public EulerAncestralScheduler(SchedulerConfig config)
        : base(config)
    {
        if (config.PredictionType == PredictionType.Sample)
            throw new ConesException($"{config.ClassName} supports prediction_type epsilon and v_prediction, not sample");
    }

    private protected override (double[] Timesteps, double[] Sigmas) Tables(int steps)
    {
        var timesteps = TimestepTable.Fractional(Config, steps);
        return (timesteps, [.. SigmaTable.Interpolate(timesteps, TrainingSigmas), 0]);
    }

    private protected override (Tensor Previous, Tensor Original) TakeStep(Tensor output, Tensor sample, INoiseSource? noise)
    {
        var (from, to) = (Sigmas![StepIndex], Sigmas[StepIndex + 1]);
        var (from2, to2) = (from * from, to * to);
        var up = MathF.Sqrt(to2 * (from2 - to2) / from2);
        var down = MathF.Sqrt(to2 - (up * up));
        sample = sample.to(ScalarType.Float32);
        var original = PredictOriginal(output, sample, from);
        var previous = sample + ((sample - original) / from * (down - from));
        return (previous + (Draw(noise, output) * up), original);
    }
}
