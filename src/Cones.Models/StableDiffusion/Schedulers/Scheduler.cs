using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>What one step gives.</summary>
/// <param name="PrevSample">The sample at the next, less noisy level; same shape.</param>
/// <param name="PredOriginalSample">The clean sample as predicted at this step; same shape.</param>
public sealed record SchedulerStep(Tensor PrevSample, Tensor PredOriginalSample);

/// <summary>
/// Leads a sample from noise to image: which timesteps the network sees, and how its output changes the sample. A scheduler
/// has the state of one run; <see cref="SetTimesteps"/> starts a new one.
/// </summary>
/// <remarks>Behaves as the class of the same name in diffusers 0.42.</remarks>
public abstract class Scheduler : IDisposable
{
    /// <summary>The file that a scheduler folder holds.</summary>
    public const string ConfigName = "scheduler_config.json";

    double[]? _timesteps;

    /// <summary>A scheduler without a run.</summary>
    /// <param name="config">The options.</param>
    /// <param name="terminalAlpha">The last ᾱ where a zero terminal signal-to-noise ratio would make σ infinite.</param>
    private protected Scheduler(SchedulerConfig config, float? terminalAlpha = null)
    {
        Config = config;
        Schedule = new NoiseSchedule(config, terminalAlpha);
    }

    /// <summary>The options.</summary>
    public SchedulerConfig Config { get; }

    /// <summary>The training side: β and ᾱ.</summary>
    public NoiseSchedule Schedule { get; }

    /// <summary>The timesteps to run the network at, in order; Euler's may have fractions.</summary>
    /// <exception cref="InvalidOperationException"><see cref="SetTimesteps"/> has not been called.</exception>
    public IReadOnlyList<double> Timesteps => _timesteps ?? throw new InvalidOperationException("call SetTimesteps first");

    /// <summary>The noise levels of the run with the final one appended, [N + 1]; null for a class that has none.</summary>
    public virtual IReadOnlyList<float>? Sigmas => null;

    /// <summary>The standard deviation of the noise that a run starts from.</summary>
    public virtual float InitNoiseSigma => 1;

    /// <summary>The number of steps asked for.</summary>
    protected int StepCount { get; private set; }

    /// <summary>The scheduler of a folder; <c>_class_name</c> picks the class.</summary>
    /// <exception cref="ConesException">The file is missing or names a class or value that is not supported.</exception>
    public static Scheduler FromFolder(string folder) => Create(SchedulerConfig.FromFile(Path.Combine(folder, ConfigName)));

    /// <summary>The scheduler that <paramref name="config"/> describes.</summary>
    /// <exception cref="ConesException">The class is not implemented, or does not support a value; the message names the file.</exception>
    public static Scheduler Create(SchedulerConfig config)
    {
        try
        {
            return Build(config);
        }
        catch (ConesException e) when (config.Path is not null)
        {
            throw new ConesException($"{config.Path}: {e.Message}", e);
        }
    }

    static Scheduler Build(SchedulerConfig config) => config.ClassName switch
    {
        SchedulerClasses.Ddpm => new DdpmScheduler(config),
        SchedulerClasses.Ddim => new DdimScheduler(config),
        SchedulerClasses.Pndm => new PndmScheduler(config),
        SchedulerClasses.Euler => new EulerScheduler(config),
        SchedulerClasses.EulerAncestral => new EulerAncestralScheduler(config),
        SchedulerClasses.DpmSolver => new DpmSolverScheduler(config),
        SchedulerClasses.UniPc => new UniPcScheduler(config),
        _ => throw new ConesException($"scheduler class '{config.ClassName}' is not implemented; choose another: {string.Join(", ", SchedulerNames.All)}"),
    };

    /// <summary>Starts a run of <paramref name="steps"/> steps.</summary>
    /// <param name="steps">1 to the number of training timesteps.</param>
    public void SetTimesteps(int steps)
    {
        if (steps < 1 || steps > Config.NumTrainTimesteps)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"1 to {Config.NumTrainTimesteps} steps are possible");
        Forget();
        StepCount = steps;
        _timesteps = BeginRun(steps);
    }

    /// <summary>
    /// Says that the run begins at <c>Timesteps[index]</c>, as image-to-image does. Without it the first timestep given decides.
    /// </summary>
    public virtual void SetBeginIndex(int index)
    {
        if (index < 0 || index >= Timesteps.Count)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"0 to {Timesteps.Count - 1} expected");
    }

    /// <summary>What the network is given in place of <paramref name="sample"/>: same shape.</summary>
    /// <param name="sample">The sample, [B, C, H, W].</param>
    /// <param name="timestep">The timestep of the coming step.</param>
    public virtual Tensor ScaleModelInput(Tensor sample, double timestep) => sample.alias();

    /// <summary>Takes one step.</summary>
    /// <param name="modelOutput">What the network predicted, the shape of <paramref name="sample"/>.</param>
    /// <param name="timestep">The entry of <see cref="Timesteps"/> it was run at.</param>
    /// <param name="sample">The sample, not scaled, [B, C, H, W].</param>
    /// <param name="noise">Where random numbers come from; may be null for a step that draws none.</param>
    /// <param name="eta">DDIM: 0 for no noise, 1 for as much as DDPM. Others ignore it.</param>
    /// <exception cref="ArgumentException">Shapes differ, or the timestep is not the run's next.</exception>
    public SchedulerStep Step(Tensor modelOutput, double timestep, Tensor sample, INoiseSource? noise = null, double eta = 0)
    {
        if (!modelOutput.shape.AsSpan().SequenceEqual(sample.shape))
            throw new ArgumentException($"model output is [{string.Join(",", modelOutput.shape)}], sample is [{string.Join(",", sample.shape)}]", nameof(modelOutput));
        _ = Timesteps;
        using var scope = NewDisposeScope();
        var (previous, original) = TakeStep(modelOutput, timestep, sample, noise, eta);
        return new(previous.MoveToOuterDisposeScope(), original.MoveToOuterDisposeScope());
    }

    /// <summary>Adds the noise of a timestep to clean samples.</summary>
    /// <param name="x0">Clean samples, [B, ...].</param>
    /// <param name="noise">Standard normal noise, the shape of <paramref name="x0"/>.</param>
    /// <param name="timesteps">One timestep a sample, or one for all.</param>
    public virtual Tensor AddNoise(Tensor x0, Tensor noise, params IReadOnlyList<double> timesteps)
    {
        using var t = tensor(timesteps.Select(t => (long)t).ToArray());
        return Schedule.AddNoise(x0, noise, t);
    }

    /// <summary>The velocity of <see cref="NoiseSchedule.GetVelocity"/> at training timesteps.</summary>
    /// <inheritdoc cref="AddNoise"/>
    public Tensor GetVelocity(Tensor x0, Tensor noise, params IReadOnlyList<double> timesteps)
    {
        using var t = tensor(timesteps.Select(t => (long)t).ToArray());
        return Schedule.GetVelocity(x0, noise, t);
    }

    /// <summary>Frees the tables and the state of the run.</summary>
    public void Dispose()
    {
        Forget();
        Schedule.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the last run left.</summary>
    private protected virtual void Forget()
    {
    }

    /// <summary>The timesteps of a run.</summary>
    private protected abstract double[] BeginRun(int steps);

    /// <summary>The step itself, inside a dispose scope.</summary>
    private protected abstract (Tensor Previous, Tensor Original) TakeStep(Tensor output, double timestep, Tensor sample, INoiseSource? noise, double eta);

    /// <summary>Draws noise of the shape and type of <paramref name="like"/>.</summary>
    private protected Tensor Draw(INoiseSource? noise, Tensor like, ScalarType? type = null) =>
        noise?.Next(like.shape, type ?? like.dtype, like.device)
        ?? throw new ArgumentNullException(nameof(noise), $"{Config.ClassName} draws noise at this step and needs a source");

    /// <summary>ᾱ at a whole timestep.</summary>
    // Trailing spacing can end in an entry of -1 (61 steps of 1000), which Python takes for the last of the table.
    private protected float AlphaAt(int timestep) => timestep >= -1 && timestep < Schedule.Count
        ? Schedule.AlphasCumprod[timestep >= 0 ? timestep : Schedule.Count - 1]
        : throw new ArgumentException($"timestep {timestep} is outside 0 to {Schedule.Count - 1}; steps_offset is {Config.StepsOffset}");

    /// <summary>Clamps a predicted clean sample as the options say.</summary>
    private protected Tensor Clip(Tensor original)
    {
        if (Config.Thresholding) return Threshold(original);
        return Config.ClipSample ? original.clamp(-Config.ClipSampleRange, Config.ClipSampleRange) : original;
    }

    /// <summary>Clamps each sample to a quantile of its own magnitudes and scales it back to ±1 (Saharia et al., 2022).</summary>
    private protected Tensor Threshold(Tensor original)
    {
        var flat = original.reshape(original.shape[0], -1); // [B, C·H·W]
        using var quantile = tensor(Config.DynamicThresholdingRatio, flat.dtype, flat.device);
        // A lower bound above the upper one leaves the upper one, as clamping does in PyTorch.
        var bound = flat.abs().quantile(quantile, 1, keepdim: true).clamp_min(1).clamp_max(Config.SampleMaxValue); // [B, 1]
        return (flat.maximum(-bound).minimum(bound) / bound).reshape(original.shape);
    }
}
