using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// DPM-Solver++ (Lu et al., 2022) and DPM-Solver, multistep, orders 1 to 3, as an ODE or an SDE
/// (<c>DPMSolverMultistepScheduler</c>).
/// </summary>
public sealed class DpmSolverScheduler : MultistepScheduler
{
    // With fewer steps than this the last ones are unstable at full order.
    const int FewSteps = 15;
    readonly bool _stochastic;
    readonly bool _heun;
    int _warmUp;

    /// <summary>A scheduler without a run.</summary>
    /// <exception cref="ConesException">A value is not supported, or two do not fit together.</exception>
    public DpmSolverScheduler(SchedulerConfig config)
        : base(config)
    {
        // diffusers lets configurations of DEIS and UniPC through and falls back to these.
        var algorithm = config.AlgorithmType == "deis" ? "dpmsolver++" : config.AlgorithmType;
        if (algorithm is not ("dpmsolver" or "dpmsolver++" or "sde-dpmsolver" or "sde-dpmsolver++"))
            throw new ConesException($"algorithm_type '{algorithm}' is not supported (dpmsolver++, sde-dpmsolver++, dpmsolver, sde-dpmsolver)");
        if (config.SolverType is not ("midpoint" or "heun" or "logrho" or "bh1" or "bh2"))
            throw new ConesException($"solver_type '{config.SolverType}' is not supported by {config.ClassName} (midpoint, heun)");
        if (config.VarianceType is not null)
            throw new ConesException($"variance_type '{config.VarianceType}' of {config.ClassName} is not supported (null)");
        OnOriginal = algorithm.EndsWith("++", StringComparison.Ordinal);
        _stochastic = algorithm.StartsWith("sde-", StringComparison.Ordinal);
        _heun = config.SolverType == "heun";
        if (!OnOriginal && config.FinalSigmaIsZero)
            throw new ConesException($"algorithm_type '{algorithm}' needs final_sigmas_type 'sigma_min', not 'zero'");
        if (_stochastic && !OnOriginal && config.SolverOrder == 3)
            throw new ConesException($"solver_order 3 does not exist for algorithm_type '{algorithm}'");
    }

    private protected override bool OnOriginal { get; }

    private protected override bool ThresholdsNoise => Config.Thresholding;

    private protected override int EndTimestep => Config.NumTrainTimesteps - Schedule.AlphasCumprod.Count(a => HalfLogSnr(a) < Config.LambdaMinClipped);

    private protected override bool RoundsTimesteps =>
        Config.SigmaSpacing is SigmaSpacing.Karras or SigmaSpacing.Lu && Config.BetaSchedule != BetaSchedule.SquaredCosCapV2;

    private protected override double FinalSpreadSigma(double[] sigmas) => TrainingSigmas[0];

    private protected override void Forget()
    {
        base.Forget();
        _warmUp = 0;
    }

    private protected override (Tensor Previous, Tensor Original) TakeStep(Tensor output, Tensor sample, INoiseSource? noise)
    {
        var (converted, original) = Convert(output, sample);
        Outputs.Add(converted);
        sample = sample.to(ScalarType.Float32);
        var drawn = _stochastic ? Draw(noise, output, ScalarType.Float32) : null;
        var previous = OrderOfStep() switch
        {
            1 => Update(sample, drawn),
            2 => SecondOrder(sample, drawn),
            _ => ThirdOrder(sample, drawn),
        };
        if (_warmUp < Config.SolverOrder) _warmUp++;
        return (previous, original);
    }

    int OrderOfStep()
    {
        var remaining = Timesteps.Count - StepIndex;
        var lower = Config.LowerOrderFinal && Timesteps.Count < FewSteps;
        if (_warmUp < 1 || (remaining == 1 && (lower || Config.EulerAtFinal || Config.FinalSigmaIsZero))) return 1;
        var order = Math.Min(Config.SolverOrder, _warmUp + 1);
        return remaining == 2 && lower ? Math.Min(order, 2) : order;
    }

    Tensor SecondOrder(Tensor sample, Tensor? noise)
    {
        var h = Interval(0);
        var first = 1f / (Interval(1) / h) * (Outputs[0] - Outputs[1]);
        return Update(sample, noise, _heun ? FirstWeight(h) : 0.5f * ZerothWeight(h), first);
    }

    Tensor ThirdOrder(Tensor sample, Tensor? noise)
    {
        var h = Interval(0);
        var (r0, r1) = (Interval(1) / h, Interval(2) / h);
        var newer = 1f / r0 * (Outputs[0] - Outputs[1]);
        var older = 1f / r1 * (Outputs[1] - Outputs[2]);
        var first = newer + (r0 / (r0 + r1) * (newer - older));
        var second = 1f / (r0 + r1) * (newer - older);
        return Update(sample, noise, FirstWeight(h), first, SecondWeight(h), second);
    }

    // The exponential integrator: the linear part exactly, the rest as a polynomial in λ whose coefficients are differences.
    Tensor Update(Tensor sample, Tensor? noise, float firstWeight = 0, Tensor? first = null, float secondWeight = 0, Tensor? second = null)
    {
        var ((alpha, sigma), (alphaFrom, sigmaFrom)) = (LevelAt(StepIndex + 1), LevelAt(StepIndex));
        var h = Interval(0);
        var linear = OnOriginal ? sigma / sigmaFrom : alpha / alphaFrom;
        if (_stochastic && OnOriginal) linear *= TorchMath.Exp(-h);
        var scale = OnOriginal ? alpha : sigma;
        var result = (linear * sample) + (scale * ZerothWeight(h) * Outputs[0]);
        if (first is not null) result += scale * firstWeight * first;
        if (second is not null) result += scale * secondWeight * second;
        if (noise is not null) result += sigma * NoiseWeight(h) * noise;
        return result;
    }

    // ∫ of the exponential over the interval, for the clean sample and for the noise; the SDE doubles the drift.
    float ZerothWeight(float h) => (OnOriginal, _stochastic) switch
    {
        (true, false) => 1f - TorchMath.Exp(-h),
        (true, true) => 1f - TorchMath.Exp(-2f * h),
        (false, false) => 1f - TorchMath.Exp(h),
        (false, true) => 2f * (1f - TorchMath.Exp(h)),
    };

    float FirstWeight(float h) => (OnOriginal, _stochastic) switch
    {
        (true, false) => ((TorchMath.Exp(-h) - 1f) / h) + 1f,
        (true, true) => ((1f - TorchMath.Exp(-2f * h)) / (-2f * h)) + 1f,
        (false, false) => 1f - ((TorchMath.Exp(h) - 1f) / h),
        (false, true) => 2f * (1f - ((TorchMath.Exp(h) - 1f) / h)),
    };

    float SecondWeight(float h) => (OnOriginal, _stochastic) switch
    {
        (true, false) => 0.5f - ((TorchMath.Exp(-h) - 1f + h) / (h * h)),
        (true, true) => ((1f - TorchMath.Exp(-2f * h) - (2f * h)) / (4f * h * h)) - 0.5f,
        _ => 0.5f - ((TorchMath.Exp(h) - 1f - h) / (h * h)),
    };

    float NoiseWeight(float h) => OnOriginal ? MathF.Sqrt(1f - TorchMath.Exp(-2f * h)) : MathF.Sqrt(TorchMath.Exp(2f * h) - 1f);

    // The length in λ of the step that is `back` steps before the coming one.
    float Interval(int back) => Lambda(LevelAt(StepIndex + 1 - back)) - Lambda(LevelAt(StepIndex - back));

    static float HalfLogSnr(float alphaCumprod) => MathF.Log(MathF.Sqrt(alphaCumprod)) - MathF.Log(MathF.Sqrt(1f - alphaCumprod));
}
