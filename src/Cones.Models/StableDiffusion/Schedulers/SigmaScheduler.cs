using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// A scheduler that steps along a table of noise levels. Where it stands is counted, not looked up: rounded timesteps may repeat.
/// </summary>
public abstract class SigmaScheduler : Scheduler
{
    // A zero terminal signal-to-noise ratio would make the largest σ infinite; this makes it 4096.
    const float TerminalAlpha = 1f / (1 << 24);

    float[] _sigmas = [];
    int? _beginIndex;
    int? _stepIndex;

    private protected SigmaScheduler(SchedulerConfig config)
        : base(config, TerminalAlpha) => TrainingSigmas = SigmaTable.Training(Schedule.AlphasCumprod);

    /// <inheritdoc/>
    public override IReadOnlyList<float>? Sigmas => _sigmas;

    private protected float[] TrainingSigmas { get; }

    /// <summary>The number of the coming step.</summary>
    private protected int StepIndex => _stepIndex ?? throw new InvalidOperationException("no step has been asked for");

    /// <inheritdoc/>
    public override void SetBeginIndex(int index)
    {
        base.SetBeginIndex(index);
        _beginIndex = index;
        _stepIndex = null;
    }

    /// <inheritdoc/>
    public override Tensor AddNoise(Tensor x0, Tensor noise, params IReadOnlyList<double> timesteps)
    {
        if (!x0.shape.AsSpan().SequenceEqual(noise.shape) || x0.shape.Length == 0 || (timesteps.Count != 1 && timesteps.Count != x0.shape[0]))
            throw new ArgumentException($"samples are [{string.Join(",", x0.shape)}], noise is [{string.Join(",", noise.shape)}], {timesteps.Count} timesteps");
        using var scope = NewDisposeScope();
        long[] shape = [timesteps.Count, .. Enumerable.Repeat(1L, x0.shape.Length - 1)];
        var levels = timesteps.Select(t => NoiseLevel(_sigmas[_stepIndex ?? _beginIndex ?? IndexOf(t)])).ToArray();
        var signal = tensor(levels.Select(l => l.Signal).ToArray()).to(x0.dtype, x0.device).reshape(shape); // [B, 1, ...]
        var rest = tensor(levels.Select(l => l.Noise).ToArray()).to(x0.dtype, x0.device).reshape(shape);
        return (signal * x0 + rest * noise).MoveToOuterDisposeScope();
    }

    private protected override void Forget() => (_beginIndex, _stepIndex) = (null, null);

    private protected override double[] BeginRun(int steps)
    {
        var (timesteps, sigmas) = Tables(steps);
        _sigmas = [.. sigmas.Select(s => (float)s)];
        return timesteps;
    }

    private protected override (Tensor Previous, Tensor Original) TakeStep(Tensor output, double timestep, Tensor sample, INoiseSource? noise, double eta)
    {
        MoveTo(timestep);
        var (previous, original) = TakeStep(output, sample, noise);
        _stepIndex++;
        return (previous.to(output.dtype), original);
    }

    /// <summary>The timesteps, and their noise levels with the final one appended.</summary>
    private protected abstract (double[] Timesteps, double[] Sigmas) Tables(int steps);

    /// <summary>The step from <c>Sigmas[StepIndex]</c> to the next.</summary>
    private protected abstract (Tensor Previous, Tensor Original) TakeStep(Tensor output, Tensor sample, INoiseSource? noise);

    /// <summary>The factors of the clean sample and of the noise in a sample of level <paramref name="sigma"/>.</summary>
    private protected virtual (float Signal, float Noise) NoiseLevel(float sigma) => VariancePreserving(sigma);

    private protected static (float Signal, float Noise) VariancePreserving(float sigma)
    {
        var signal = 1f / MathF.Sqrt((sigma * sigma) + 1f);
        return (signal, sigma * signal);
    }

    /// <summary>Stands at <paramref name="timestep"/>: the first time found by value, then checked.</summary>
    private protected void MoveTo(double timestep)
    {
        _stepIndex ??= _beginIndex ?? IndexOf(timestep);
        if (_stepIndex >= Timesteps.Count)
            throw new InvalidOperationException($"the run of {Timesteps.Count} steps is over: call SetTimesteps");
        if (Timesteps[_stepIndex.Value] != timestep)
            throw new ArgumentException($"step {_stepIndex} of this run is timestep {Timesteps[_stepIndex.Value]}, not {timestep}", nameof(timestep));
    }

    // Of a timestep that occurs twice the second is meant: image-to-image must not begin one noise level too early.
    int IndexOf(double timestep)
    {
        var first = -1;
        for (var i = 0; i < Timesteps.Count; i++)
        {
            if (Timesteps[i] != timestep) continue;
            if (first >= 0) return i;
            first = i;
        }

        return first >= 0 ? first : throw new ArgumentException($"timestep {timestep} is not one of this run");
    }
}
