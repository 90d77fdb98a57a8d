using System.Text.Json.Serialization;

namespace Cones.Search.Schedules;

/// <summary>The courses of the learning rate; names as in diffusers' <c>get_scheduler</c>.</summary>
public enum ScheduleKind
{
    /// <summary>Always the base rate, without warm-up.</summary>
    [JsonStringEnumMemberName("constant")]
    Constant,

    /// <summary>The base rate after the warm-up.</summary>
    [JsonStringEnumMemberName("constant_with_warmup")]
    ConstantWithWarmup,

    /// <summary>Down to 0 in a straight line.</summary>
    [JsonStringEnumMemberName("linear")]
    Linear,

    /// <summary>Down to 0 along half a cosine.</summary>
    [JsonStringEnumMemberName("cosine")]
    Cosine,

    /// <summary>Down to 0 along half a cosine, several times.</summary>
    [JsonStringEnumMemberName("cosine_with_restarts")]
    CosineWithRestarts,

    /// <summary>Down to <see cref="ScheduleOptions.EndRate"/> along a power.</summary>
    [JsonStringEnumMemberName("polynomial")]
    Polynomial,

    /// <summary>Factors for ranges of steps, <see cref="ScheduleOptions.Rules"/>.</summary>
    [JsonStringEnumMemberName("piecewise_constant")]
    PiecewiseConstant,
}

/// <summary>The options of a <see cref="LearningRateSchedule"/>.</summary>
public sealed record ScheduleOptions
{
    /// <summary>The course.</summary>
    public ScheduleKind Name { get; init; } = ScheduleKind.Constant;

    /// <summary>The steps in which the rate grows in a straight line from 0; at least 0. The first step has rate 0.</summary>
    public int WarmupSteps { get; init; }

    /// <summary>The step at which the course ends, warm-up included; 0 for the search's number of steps.</summary>
    public int TotalSteps { get; init; }

    /// <summary>How often the cosine with restarts falls, above 0.</summary>
    public double Cycles { get; init; } = 1;

    /// <summary>The power of the polynomial, above 0.</summary>
    public double Power { get; init; } = 1;

    /// <summary>The last rate of the polynomial, below the base rate.</summary>
    public double EndRate { get; init; } = 1e-7;

    /// <summary>
    /// The factors of the piecewise course: <c>1:10,0.1:20,0.01</c> means 1 before step 10, 0.1 before step 20, 0.01 from
    /// there on.
    /// </summary>
    public string Rules { get; init; } = "";

    /// <summary>Whether the course depends on <see cref="TotalSteps"/>.</summary>
    [JsonIgnore]
    public bool HasEnd => Name is ScheduleKind.Linear or ScheduleKind.Cosine or ScheduleKind.CosineWithRestarts or ScheduleKind.Polynomial;

    /// <summary>Every option that is out of its range, one sentence each.</summary>
    /// <param name="rate">The base rate.</param>
    /// <param name="steps">The search's number of steps.</param>
    public IEnumerable<string> Problems(double rate, int steps)
    {
        var total = TotalSteps == 0 ? steps : TotalSteps;
        if (!Enum.IsDefined(Name)) yield return $"the schedule {(int)Name} is unknown";
        if (WarmupSteps < 0) yield return $"the warm-up has {WarmupSteps} steps, at least 0 are needed";
        if (TotalSteps < 0) yield return $"the schedule has {TotalSteps} steps, at least 0 are needed (0: those of the search)";
        if (HasEnd && total > 0 && WarmupSteps > total) yield return $"the warm-up has {WarmupSteps} steps, the whole schedule {total}";
        if (!(Cycles > 0 && double.IsFinite(Cycles))) yield return $"the schedule has {Cycles} cycles, they must be above 0";
        if (!(Power > 0 && double.IsFinite(Power))) yield return $"the schedule has the power {Power}, it must be above 0";
        if (Name == ScheduleKind.Polynomial && !(EndRate >= 0 && EndRate < rate))
            yield return $"the schedule ends at the rate {EndRate}, which must be at least 0 and below the learning rate {rate}";
        if (Name == ScheduleKind.PiecewiseConstant && !PiecewiseRules.TryParse(Rules, out _))
            yield return $"the schedule's rules are '{Rules}', expected factors and steps such as '1:10,0.1:20,0.01'";
    }
}
