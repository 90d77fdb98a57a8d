using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// UniPC (Zhao et al., 2023): every step predicts the next sample and, with the network's output there, corrects it
/// (<c>UniPCMultistepScheduler</c>).
/// </summary>
public sealed class UniPcScheduler : MultistepScheduler
{
    readonly TensorHistory _lastSample = new(1);
    readonly bool _bh1;
    int _warmUp;
    int _order;

    /// <summary>A scheduler without a run.</summary>
    /// <exception cref="ConesException">The solver type is not supported.</exception>
    public UniPcScheduler(SchedulerConfig config)
        : base(config)
    {
        // diffusers lets configurations of DPM-Solver and DEIS through and falls back to bh2.
        if (config.SolverType is not ("bh1" or "bh2" or "midpoint" or "heun" or "logrho"))
            throw new ConesException($"solver_type '{config.SolverType}' is not supported by {config.ClassName} (bh1, bh2)");
        _bh1 = config.SolverType == "bh1";
    }

    private protected override bool OnOriginal => Config.PredictX0;

    private protected override bool RoundsTimesteps => Config.SigmaSpacing == SigmaSpacing.Karras;

    private protected override double FinalSpreadSigma(double[] sigmas) => sigmas[^1];

    private protected override void Forget()
    {
        base.Forget();
        _lastSample.Clear();
        _warmUp = 0;
    }

    private protected override (Tensor Previous, Tensor Original) TakeStep(Tensor output, Tensor sample, INoiseSource? noise)
    {
        var (converted, original) = Convert(output, sample);
        if (_lastSample.Count > 0 && !Config.DisableCorrector.Contains(StepIndex - 1))
            sample = Correct(converted);

        Outputs.Add(converted);
        _lastSample.Add(sample);
        var limit = Config.LowerOrderFinal ? Math.Min(Config.SolverOrder, Timesteps.Count - StepIndex) : Config.SolverOrder;
        _order = Math.Min(limit, _warmUp + 1);
        if (_warmUp < Config.SolverOrder) _warmUp++;
        return (Predict(sample), original);
    }

    // UniP-p, algorithm 6 of the paper.
    Tensor Predict(Tensor sample)
    {
        var integral = new Integral(this, StepIndex + 1, _order);
        var weights = _order == 2 ? [0.5f] : integral.Weights(_order - 1);
        return integral.Apply(sample, weights);
    }

    // UniC-p, algorithm 5 of the paper: the same integral over the step just made, with its end as one more node.
    Tensor Correct(Tensor converted)
    {
        var integral = new Integral(this, StepIndex, _order);
        var weights = _order == 1 ? [0.5f] : integral.Weights(_order);
        return integral.Apply(_lastSample[0], weights[..^1], weights[^1] * (converted - Outputs[0]));
    }

    /// <summary>The exponential integrator over the step that ends at entry <c>to</c> of the noise levels.</summary>
    sealed class Integral
    {
        readonly UniPcScheduler _owner;
        readonly (float Signal, float Noise) _from;
        readonly (float Signal, float Noise) _to;
        readonly float[] _nodes;
        readonly float _step;
        readonly float _scale;

        public Integral(UniPcScheduler owner, int to, int order)
        {
            _owner = owner;
            (_from, _to) = (owner.LevelAt(to - 1), owner.LevelAt(to));
            var (start, h) = (Lambda(_from), Lambda(_to) - Lambda(_from));
            _nodes = [.. Enumerable.Range(1, order - 1).Select(i => (Lambda(owner.LevelAt(to - 1 - i)) - start) / h), 1f];
            _step = owner.OnOriginal ? -h : h;
            _scale = owner._bh1 ? _step : TorchMath.ExpM1(_step);
        }

        /// <summary>The first <paramref name="count"/> weights of the difference quotients: a Vandermonde system.</summary>
        public float[] Weights(int count)
        {
            if (count == 0) return [];
            var matrix = new float[count, count];
            var right = new float[count];
            var phi = (TorchMath.ExpM1(_step) / _step) - 1f;
            var factorial = 1f;
            for (var i = 0; i < count; i++)
            {
                for (var k = 0; k < count; k++) matrix[i, k] = MathF.Pow(_nodes[k], i);
                right[i] = phi * factorial / _scale;
                factorial *= i + 2;
                phi = (phi / _step) - (1f / factorial);
            }

            using var scope = NewDisposeScope();
            return [.. linalg.solve(tensor(matrix), tensor(right)).data<float>().ToArray()];
        }

        /// <summary>The sample at the end of the step.</summary>
        /// <param name="sample">The sample at its start.</param>
        /// <param name="weights">A weight for each older node.</param>
        /// <param name="end">The weighted difference at the end, for the corrector.</param>
        public Tensor Apply(Tensor sample, float[] weights, Tensor? end = null)
        {
            var outputs = _owner.Outputs;
            var differences = end;
            for (var i = 0; i < weights.Length; i++)
            {
                var difference = weights[i] * ((outputs[i + 1] - outputs[0]) / _nodes[i]);
                differences = differences is null ? difference : difference + differences;
            }

            var (linear, scale) = _owner.OnOriginal ? (_to.Noise / _from.Noise, _to.Signal) : (_to.Signal / _from.Signal, _to.Noise);
            var result = (linear * sample) - (scale * TorchMath.ExpM1(_step) * outputs[0]);
            return differences is null ? result : result - (scale * _scale * differences);
        }
    }
}
