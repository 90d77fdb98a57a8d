using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>Euler's method along the noise level (Karras et al., 2022, without churn; <c>EulerDiscreteScheduler</c>).</summary>
public class EulerScheduler : SigmaScheduler
{
    /// <summary>A scheduler without a run.</summary>
    public EulerScheduler(SchedulerConfig config)
        : base(config)
    {
    }

    /// <inheritdoc/>
    public override float InitNoiseSigma
    {
        get
        {
            var max = Sigmas is { Count: > 0 } sigmas ? sigmas.Max() : TrainingSigmas[^1];
            return Config.TimestepSpacing == TimestepSpacing.Leading ? MathF.Sqrt((max * max) + 1f) : max;
        }
    }

    /// <inheritdoc/>
    public override Tensor ScaleModelInput(Tensor sample, double timestep)
    {
        MoveTo(timestep);
        var sigma = Sigmas![StepIndex];
        return sample / MathF.Sqrt((sigma * sigma) + 1f);
    }

    private protected override (float Signal, float Noise) NoiseLevel(float sigma) => (1f, sigma);

    private protected override (double[] Timesteps, double[] Sigmas) Tables(int steps)
    {
        var timesteps = TimestepTable.Fractional(Config, steps);
        var sigmas = Config.LogLinearInterpolation ? LogLinear(steps) : SigmaTable.Interpolate(timesteps, TrainingSigmas);
        if (Config.SigmaSpacing != SigmaSpacing.Timesteps)
        {
            // Unlike DPM-Solver++ the ends are those of this run, not of the training table.
            sigmas = SigmaTable.Spread(Config.SigmaSpacing, Config.SigmaMin ?? sigmas[^1], Config.SigmaMax ?? sigmas[0], steps);
            float[] logSigmas = [.. TrainingSigmas.Select(NumpyMath.Log)];
            timesteps = [.. sigmas.Select(s => (double)(float)SigmaTable.TimestepOf(s, logSigmas))];
        }

        double[] all = [.. sigmas, Config.FinalSigmaIsZero ? 0 : TrainingSigmas[0]];
        if (Config.ContinuousTimesteps && Config.PredictionType == PredictionType.VPrediction)
            timesteps = [.. sigmas.Select(s => (double)(0.25f * MathF.Log((float)s)))];
        return (timesteps, all);
    }

    private protected override (Tensor Previous, Tensor Original) TakeStep(Tensor output, Tensor sample, INoiseSource? noise)
    {
        var (sigma, next) = (Sigmas![StepIndex], Sigmas[StepIndex + 1]);
        sample = sample.to(ScalarType.Float32);
        var original = PredictOriginal(output, sample, sigma);
        return (sample + ((sample - original) / sigma * (next - sigma)), original);
    }

    private protected Tensor PredictOriginal(Tensor output, Tensor sample, float sigma)
    {
        var total = (sigma * sigma) + 1f;
        return Config.PredictionType switch
        {
            PredictionType.Epsilon => sample - (sigma * output),
            PredictionType.VPrediction => (output * (-sigma / MathF.Sqrt(total))) + (sample / total),
            _ => output.alias(),
        };
    }

    // One entry more than there are steps, as in the reference; the step index never reaches the last.
    double[] LogLinear(int steps)
    {
        using var scope = NewDisposeScope();
        var logs = linspace(NumpyMath.Log(TrainingSigmas[^1]), NumpyMath.Log(TrainingSigmas[0]), steps + 1, ScalarType.Float32);
        return [.. logs.exp().data<float>().ToArray().Select(s => (double)s)];
    }
}
