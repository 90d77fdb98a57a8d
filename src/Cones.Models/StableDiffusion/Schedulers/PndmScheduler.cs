using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// Pseudo linear multistep sampling of Liu et al., 2022 (<c>PNDMScheduler</c>), with the Runge-Kutta start of the paper or,
/// as Stable Diffusion is shipped, with the second timestep visited twice instead (N + 1 network calls).
/// </summary>
public sealed class PndmScheduler : Scheduler
{
    const int Order = 4;
    readonly float _finalAlpha;
    readonly TensorHistory _outputs = new(Order);
    readonly TensorHistory _start = new(1);
    readonly TensorHistory _sum = new(1);
    double[] _rungeKutta = [];
    int _counter;

    /// <summary>A scheduler without a run.</summary>
    /// <exception cref="ConesException">The network predicts clean samples.</exception>
    public PndmScheduler(SchedulerConfig config)
        : base(config)
    {
        if (config.PredictionType == PredictionType.Sample)
            throw new ConesException($"{config.ClassName} supports prediction_type epsilon and v_prediction, not sample");
        _finalAlpha = config.SetAlphaToOne ? 1f : Schedule.AlphasCumprod[0];
    }

    private protected override double[] BeginRun(int steps)
    {
        var falling = TimestepTable.Whole(Config, steps);
        if (Config.SkipPrkSteps)
        {
            _rungeKutta = [];
            return steps == 1 ? falling : [falling[0], falling[1], .. falling[1..]];
        }

        if (falling.Length < Order)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"the Runge-Kutta start of {Config.ClassName} needs at least {Order} steps");
        // Each of the first three intervals: its start, its middle twice, and its end twice as the end and the next start.
        var half = Config.NumTrainTimesteps / steps / 2;
        var nodes = falling[..Order].Reverse().SelectMany(t => new[] { t, t + half }).ToArray();
        var doubled = nodes[..^1].SelectMany(t => new[] { t, t }).ToArray();
        _rungeKutta = [.. doubled[1..^1].Reverse()];
        return [.. _rungeKutta, .. falling[(Order - 1)..]];
    }

    private protected override (Tensor Previous, Tensor Original) TakeStep(Tensor output, double timestep, Tensor sample, INoiseSource? noise, double eta)
    {
        var result = _counter < _rungeKutta.Length ? RungeKuttaStep(output, (int)timestep, sample) : MultistepStep(output, (int)timestep, sample);
        _counter++;
        return result;
    }

    (Tensor Previous, Tensor Original) RungeKuttaStep(Tensor output, int timestep, Tensor sample)
    {
        var stage = _counter % 4;
        var half = Config.NumTrainTimesteps / StepCount / 2;
        var previous = timestep - (_counter % 2 == 1 ? 0 : half);
        if (stage == 0)
        {
            _outputs.Add(output);
            _start.Add(sample);
            _sum.Add(output / 6);
        }
        else if (stage < 3)
        {
            _sum.Add(_sum[0] + (output / 3));
        }
        else
        {
            output = _sum[0] + (output / 6);
        }

        return Transfer(_start[0], (int)_rungeKutta[_counter - stage], previous, output);
    }

    (Tensor Previous, Tensor Original) MultistepStep(Tensor output, int timestep, Tensor sample)
    {
        var interval = Config.NumTrainTimesteps / StepCount;
        var previous = timestep - interval;
        if (_counter != 1) _outputs.Add(output);
        else (previous, timestep) = (timestep, timestep + interval);

        Tensor combined;
        switch (_outputs.Count)
        {
            case 1 when _counter == 0:
                combined = output;
                _start.Add(sample);
                break;
            case 1:
                combined = (output + _outputs[0]) / 2;
                sample = _start[0];
                break;
            case 2:
                combined = ((3 * _outputs[0]) - _outputs[1]) / 2;
                break;
            case 3:
                combined = ((23 * _outputs[0]) - (16 * _outputs[1]) + (5 * _outputs[2])) / 12;
                break;
            default:
                combined = ((55 * _outputs[0]) - (59 * _outputs[1]) + (37 * _outputs[2]) - (9 * _outputs[3])) / 24;
                break;
        }

        return Transfer(sample, timestep, previous, combined);
    }

    // Equation 11 of the paper, with ᾱ written out.
    (Tensor Previous, Tensor Original) Transfer(Tensor sample, int timestep, int previousTimestep, Tensor output)
    {
        var alpha = AlphaAt(timestep);
        var alphaPrevious = previousTimestep >= 0 ? AlphaAt(previousTimestep) : _finalAlpha;
        var (beta, betaPrevious) = (1f - alpha, 1f - alphaPrevious);
        var (rootAlpha, rootBeta) = (MathF.Sqrt(alpha), MathF.Sqrt(beta));
        var epsilon = Config.PredictionType == PredictionType.VPrediction ? (rootAlpha * output) + (rootBeta * sample) : output;
        var divisor = (alpha * MathF.Sqrt(betaPrevious)) + MathF.Sqrt(alpha * beta * alphaPrevious);
        var previous = (MathF.Sqrt(alphaPrevious / alpha) * sample) - ((alphaPrevious - alpha) * epsilon / divisor);
        return (previous, (sample - (rootBeta * epsilon)) / rootAlpha);
    }

    private protected override void Forget()
    {
        _outputs.Clear();
        _start.Clear();
        _sum.Clear();
        _counter = 0;
    }
}
