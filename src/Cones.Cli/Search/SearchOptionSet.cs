using System.CommandLine;
using Cones.Cli.Options;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Search.Schedules;

namespace Cones.Cli.Search;

/// <summary>The options of the search loop, which no task decides.</summary>
sealed class SearchOptionSet
{
    readonly Option<int> _steps;
    readonly Option<double?> _rate;
    readonly Option<string?> _optimizer;
    readonly Option<double?> _decay;
    readonly Option<string?> _schedule;
    readonly Option<int> _warmup;
    readonly Option<int> _accumulate;
    readonly Option<double> _clip;
    readonly Option<double> _ema;
    readonly Option<int> _evaluate;
    readonly Option<string> _stop;
    readonly Option<int> _patience;
    readonly Option<int> _window;
    readonly Option<int> _checkpoint;
    readonly Option<long> _seed;

    /// <param name="defaults">The task's defaults.</param>
    /// <param name="rates">What the help says of the learning rate's default.</param>
    /// <param name="decays">What it says of the weight decay's.</param>
    /// <param name="schedules">What it says of the schedule's.</param>
    public SearchOptionSet(SearchOptions defaults, string rates, string decays = "0 for concept, 0.01 else", string schedules = "cosine for concept, constant else")
    {
        _steps = new("--steps") { Description = "The most optimiser steps.", HelpName = "N", DefaultValueFactory = _ => defaults.Steps };
        _rate = new("--lr") { Description = $"Learning rate. Default: {rates}.", HelpName = "RATE" };
        _optimizer = new("--optimizer") { Description = $"{EnumNames<OptimizerKind>.All}. Default: {EnumNames<OptimizerKind>.Of(defaults.Optimizer.Name)}.", HelpName = "NAME" };
        _decay = new("--weight-decay") { Description = $"Weight decay. Default: {decays}.", HelpName = "DECAY" };
        _schedule = new("--schedule") { Description = $"Course of the learning rate: {EnumNames<ScheduleKind>.All}. Default: {schedules}.", HelpName = "NAME" };
        _warmup = new("--warmup") { Description = "Steps in which the learning rate grows from 0.", HelpName = "N", DefaultValueFactory = _ => defaults.Schedule.WarmupSteps };
        _accumulate = new("--accumulate") { Description = "Micro-batches a step.", HelpName = "N", DefaultValueFactory = _ => defaults.Accumulate };
        _clip = new("--clip-norm") { Description = "Largest norm of the gradient; 0: none.", HelpName = "NORM", DefaultValueFactory = _ => defaults.ClipNorm };
        _ema = new("--ema") { Description = "Decay of a moving average of the vectors, which is then the result; 0: none.", HelpName = "DECAY", DefaultValueFactory = _ => defaults.EmaDecay };
        _evaluate = new("--evaluate-every") { Description = "Steps between evaluations on the frozen batch.", HelpName = "N", DefaultValueFactory = _ => defaults.EvaluationInterval };
        _stop = new("--early-stop") { Description = $"When to stop before the last step: {EnumNames<EarlyStopKind>.All} (variance: DVAR).", HelpName = "RULE", DefaultValueFactory = _ => EnumNames<EarlyStopKind>.Of(defaults.EarlyStop.Name) };
        _patience = new("--patience") { Description = "plateau: evaluations without a lower loss.", HelpName = "N", DefaultValueFactory = _ => defaults.EarlyStop.Patience };
        _window = new("--window") { Description = "variance: the last evaluations that must vary little.", HelpName = "N", DefaultValueFactory = _ => defaults.EarlyStop.Window };
        _checkpoint = new("--checkpoint-every") { Description = "Steps between checkpoints, beside one a minute.", HelpName = "N", DefaultValueFactory = _ => defaults.CheckpointInterval };
        _seed = new("--seed") { Description = "The same seed gives the same concept file.", HelpName = "N", DefaultValueFactory = _ => defaults.Seed };
    }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_steps, _rate, _optimizer, _decay, _schedule, _warmup, _accumulate, _clip, _ema, _evaluate, _stop, _patience, _window, _checkpoint, _seed])
            command.Options.Add(option);
    }

    /// <summary>The seed that was named, or null.</summary>
    public long? GivenSeed(ParseResult parsed) => parsed.GetResult(_seed) is { Implicit: false } ? parsed.GetValue(_seed) : null;

    /// <summary>The task's defaults with what was asked for.</summary>
    public SearchOptions Read(ParseResult parsed, SearchOptions defaults) => defaults with
    {
        Steps = parsed.GetValue(_steps),
        Accumulate = parsed.GetValue(_accumulate),
        ClipNorm = parsed.GetValue(_clip),
        EmaDecay = parsed.GetValue(_ema),
        EvaluationInterval = parsed.GetValue(_evaluate),
        CheckpointInterval = parsed.GetValue(_checkpoint),
        Seed = parsed.GetValue(_seed),
        Optimizer = defaults.Optimizer with
        {
            Name = parsed.GetValue(_optimizer) is { } name ? EnumNames<OptimizerKind>.Parse(name, "optimizer", "--optimizer") : defaults.Optimizer.Name,
            LearningRate = parsed.GetValue(_rate) ?? defaults.Optimizer.LearningRate,
            WeightDecay = parsed.GetValue(_decay) ?? defaults.Optimizer.WeightDecay,
        },
        Schedule = defaults.Schedule with
        {
            Name = parsed.GetValue(_schedule) is { } course ? EnumNames<ScheduleKind>.Parse(course, "schedule", "--schedule") : defaults.Schedule.Name,
            WarmupSteps = parsed.GetValue(_warmup),
        },
        EarlyStop = defaults.EarlyStop with
        {
            Name = EnumNames<EarlyStopKind>.Parse(parsed.GetRequiredValue(_stop), "stopping rule", "--early-stop"),
            Patience = parsed.GetValue(_patience),
            Window = parsed.GetValue(_window),
        },
    };
}
