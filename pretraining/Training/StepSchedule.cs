namespace Cones.Pretraining.Training;

/// <summary>
/// The learning rate by steps: linear warm-up, constant, then a decay to almost nothing over the last part (warm-up, stable,
/// decay; Hu et al., arXiv 2404.06395). A run can be made longer until its decay begins.
/// </summary>
/// <param name="Rate">The learning rate between warm-up and decay.</param>
/// <param name="Steps">All steps.</param>
/// <param name="WarmUp">Steps of the warm-up.</param>
/// <param name="DecayPart">The part of all steps that decays, 0 to 1.</param>
sealed record StepSchedule(double Rate, long Steps, long WarmUp = 200, double DecayPart = 0.3)
{
    /// <summary>The first step of the decay.</summary>
    public long DecayFrom => (long)Math.Round(Steps * (1 - DecayPart));

    /// <summary>The learning rate of a step, from 0.</summary>
    public double At(long step)
    {
        var rate = Rate * Math.Min(1, (step + 1.0) / Math.Max(1, WarmUp));
        if (step < DecayFrom) return rate;
        var left = (double)(Steps - step) / Math.Max(1, Steps - DecayFrom);
        return rate * 0.5 * (1 - Math.Cos(Math.PI * left));
    }

    /// <summary>Whether a run of this schedule has had, until <paramref name="step"/>, the rates that another asks for.</summary>
    public bool AgreesUntil(long step, StepSchedule other) =>
        this == other || (this with { Steps = other.Steps } == other && step <= DecayFrom && step <= other.DecayFrom);
}
