using Cones.Models.Layers;
using Cones.Search.Runs;
using Cones.Search.Schedules;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search;

/// <summary>One step: gradients of all micro-batches, clipping, update, bounds, moving average.</summary>
sealed class SearchStep(ISearchProblem problem, SearchOptions options, SearchState state)
{
    readonly LearningRateSchedule _schedule = new(options.Schedule, options.Optimizer.LearningRate, options.Steps);

    /// <summary>What a step found; <see cref="Skipped"/> says that it changed nothing.</summary>
    public readonly record struct Outcome(double Loss, double LearningRate, double GradientNorm)
    {
        public bool Skipped => !double.IsFinite(Loss) || !double.IsFinite(GradientNorm);
    }

    /// <summary>Makes the next step. No tensor is left behind.</summary>
    public Outcome Make()
    {
        using var scope = NewDisposeScope();
        var step = state.Count.Step;
        state.Parameters.ClearGradients();
        try
        {
            var outcome = new Outcome(Backward(step), _schedule.RateAt(step), double.NaN);
            if (double.IsFinite(outcome.Loss)) outcome = Update(outcome);
            state.Count.Step++;
            state.Count.Skipped += outcome.Skipped ? 1 : 0;
            state.Count.SkippedInARow = outcome.Skipped ? state.Count.SkippedInARow + 1 : 0;
            return outcome;
        }
        finally
        {
            state.Parameters.ClearGradients();
        }
    }

    // The mean loss; stops at the first micro-batch that has none.
    double Backward(int step)
    {
        var sum = 0.0;
        for (var micro = 0; micro < options.Accumulate; micro++)
        {
            using var scope = NewDisposeScope();
            var loss = problem.Loss(step, micro);
            if (loss.numel() != 1) throw new InvalidOperationException($"the loss has shape [{string.Join(",", loss.shape)}], a scalar was expected");
            if (!loss.requires_grad) throw new InvalidOperationException("the loss has no graph to the parameters");
            sum += loss.detach().cpu().to(ScalarType.Float64).item<double>();
            if (!double.IsFinite(sum)) return sum;
            OneTimeGraph.Backward(options.Accumulate == 1 ? loss : loss / options.Accumulate);
        }

        return sum / options.Accumulate;
    }

    Outcome Update(Outcome outcome)
    {
        var gradients = state.Parameters.Gradients();
        if (gradients.All(g => g is null)) throw new InvalidOperationException("the loss depends on none of the parameters");
        outcome = outcome with { GradientNorm = GradientNorm.Of(gradients) };
        if (outcome.Skipped) return outcome;

        if (options.ClipNorm > 0) GradientNorm.Clip(gradients, outcome.GradientNorm, options.ClipNorm);
        state.Optimizer.Step(outcome.LearningRate, gradients);
        problem.Project();
        state.Average?.Update(state.Count.Step + 1 - state.Count.Skipped);
        return outcome;
    }
}
