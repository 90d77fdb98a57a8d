namespace Cones.Search.Schedules;

/// <summary>
/// The learning rate as a function of the step, as diffusers' <c>optimization.get_scheduler</c> computes it. There is no
/// state: a resumed search asks for its step.
/// </summary>
public sealed class LearningRateSchedule
{
    readonly ScheduleOptions _options;
    readonly double _rate;
    readonly int _total;
    readonly PiecewiseRules? _rules;

    /// <summary>A schedule.</summary>
    /// <param name="options">Course and warm-up.</param>
    /// <param name="rate">The base rate.</param>
    /// <param name="steps">The search's number of steps, for options that leave the end open.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public LearningRateSchedule(ScheduleOptions options, double rate, int steps)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Problems(rate, steps).FirstOrDefault() is { } problem) throw new ArgumentException(problem, nameof(options));
        _options = options;
        _rate = rate;
        _total = options.TotalSteps == 0 ? steps : options.TotalSteps;
        if (options.Name == ScheduleKind.PiecewiseConstant && PiecewiseRules.TryParse(options.Rules, out var rules)) _rules = rules;
    }

    /// <summary>The rate of the step that follows <paramref name="step"/> others.</summary>
    public double RateAt(int step) => _rate * FactorAt(step);

    double FactorAt(int step)
    {
        if (_options.Name == ScheduleKind.Constant) return 1;
        if (_rules is not null) return _rules.FactorAt(step);
        if (step < _options.WarmupSteps) return (double)step / _options.WarmupSteps;
        if (_options.Name == ScheduleKind.ConstantWithWarmup) return 1;

        var length = Math.Max(1, _total - _options.WarmupSteps);
        var progress = (double)(step - _options.WarmupSteps) / length;
        return _options.Name switch
        {
            ScheduleKind.Linear => Math.Max(0, (double)(_total - step) / length),
            // Not clamped at the end, as in the reference: the rate rises again beyond it.
            ScheduleKind.Cosine => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * progress))),
            ScheduleKind.CosineWithRestarts => progress >= 1
                ? 0
                : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (_options.Cycles * progress % 1)))),
            _ => Polynomial(step, progress),
        };
    }

    double Polynomial(int step, double progress)
    {
        if (step > _total) return _options.EndRate / _rate;
        var decay = ((_rate - _options.EndRate) * Math.Pow(1 - progress, _options.Power)) + _options.EndRate;
        return decay / _rate;
    }
}
