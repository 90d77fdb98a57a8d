namespace Cones.Pretraining.Training;

/// <summary>The numbers of a run.</summary>
/// <param name="Recipe">The recipe's name.</param>
/// <param name="Schedule">Steps and learning rates.</param>
/// <param name="Batch">Samples a step.</param>
/// <param name="Optimizer">The optimiser's numbers.</param>
/// <param name="Seed">Decides everything random.</param>
/// <param name="LogEvery">Steps between two lines of metrics.</param>
/// <param name="EvaluateEvery">Steps between two evaluations of the averaged weights, with sheet and export.</param>
sealed record TrainingPlan(
    string Recipe, StepSchedule Schedule, int Batch, AdamWOptions Optimizer, long Seed = 0, int LogEvery = 20, int EvaluateEvery = 500)
{
    /// <summary>With the seed and, where they are given, the steps of the command line.</summary>
    public TrainingPlan With(RunOptions options) => this with { Seed = options.Seed, Schedule = Schedule with { Steps = options.Steps ?? Schedule.Steps } };
}
