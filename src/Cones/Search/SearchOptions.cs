using System.Globalization;
using Cones.Models;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Search.Schedules;

namespace Cones.Search;

/// <summary>How <see cref="SearchLoop"/> searches. All of it is plain data, see <see cref="SearchOptionsJson"/>.</summary>
public sealed record SearchOptions
{
    /// <summary>The optimiser steps, at least 1.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>The micro-batches of a step, at least 1: their gradients are averaged.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>The seed of every random number; the problem derives them with <see cref="SeedSequence"/>.</summary>
    public long Seed { get; init; }

    /// <summary>The update rule.</summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary>The course of the learning rate.</summary>
    public ScheduleOptions Schedule { get; init; } = new();

    /// <summary>The largest L2 norm of all gradients together; longer ones are scaled down. 0 for no limit.</summary>
    public double ClipNorm { get; init; }

    /// <summary>
    /// The largest decay of an exponential moving average of the parameters, in [0, 1); it is what is evaluated, shown and
    /// returned. 0 for none. The decay of update n is min(this, (1 + n) / (10 + n)), as in diffusers' <c>EMAModel</c>.
    /// </summary>
    public double EmaDecay { get; init; }

    /// <summary>The steps between evaluations on the frozen batch; 0 for none. Without, the last parameters are the best.</summary>
    public int EvaluationInterval { get; init; } = 10;

    /// <summary>When to stop before the last step.</summary>
    public EarlyStopOptions EarlyStop { get; init; } = new();

    /// <summary>The search stops after so many steps in a row whose loss or gradient is not finite, at least 1.</summary>
    public int NonFiniteLimit { get; init; } = 10;

    /// <summary>The steps between checkpoints; 0 for none (the last state is saved anyway).</summary>
    public int CheckpointInterval { get; init; } = 100;

    /// <summary>The seconds between checkpoints; 0 for none. A checkpoint changes no result.</summary>
    public double CheckpointSeconds { get; init; } = 60;

    /// <summary>The checkpoints that are kept, at least 1.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>The steps between previews; 0 for none.</summary>
    public int PreviewInterval { get; init; }

    /// <summary>Every option that is out of its range, one sentence each.</summary>
    public IEnumerable<string> Problems()
    {
        if (Steps < 1) yield return $"the search has {Steps} steps, at least 1 is needed";
        if (Accumulate < 1) yield return $"a step has {Accumulate} micro-batches, at least 1 is needed";
        if (!(ClipNorm >= 0 && double.IsFinite(ClipNorm))) yield return $"gradients are clipped at {ClipNorm}, at least 0 is needed (0: no limit)";
        if (!(EmaDecay is >= 0 and < 1)) yield return $"the decay of the moving average is {EmaDecay}, it must be in [0, 1)";
        if (EvaluationInterval < 0) yield return $"there is an evaluation every {EvaluationInterval} steps, at least 0 are needed (0: none)";
        if (EvaluationInterval == 0 && EarlyStop.Name != EarlyStopKind.None) yield return "early stopping needs evaluations, the evaluation interval is 0";
        if (NonFiniteLimit < 1) yield return $"the limit of steps without finite loss is {NonFiniteLimit}, it must be at least 1";
        if (CheckpointInterval < 0) yield return $"there is a checkpoint every {CheckpointInterval} steps, at least 0 are needed (0: none)";
        if (!(CheckpointSeconds >= 0 && double.IsFinite(CheckpointSeconds))) yield return $"there is a checkpoint every {CheckpointSeconds} seconds, at least 0 are needed (0: none)";
        if (KeepCheckpoints < 1) yield return $"{KeepCheckpoints} checkpoints are kept, at least 1 is needed";
        if (PreviewInterval < 0) yield return $"there is a preview every {PreviewInterval} steps, at least 0 are needed (0: none)";
        foreach (var problem in Optimizer.Problems()) yield return problem;
        foreach (var problem in Schedule.Problems(Optimizer.LearningRate, Steps)) yield return problem;
        foreach (var problem in EarlyStop.Problems()) yield return problem;
    }

    /// <summary>Checks every option.</summary>
    /// <exception cref="ConesException">Options are out of their range; the message names all of them with their values.</exception>
    public void Validate()
    {
        var problems = Problems().ToArray();
        if (problems.Length > 0)
            throw new ConesException(string.Create(CultureInfo.InvariantCulture, $"the search options cannot be used: {string.Join("; ", problems)}"));
    }
}
