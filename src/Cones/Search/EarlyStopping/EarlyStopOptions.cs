using System.Text.Json.Serialization;

namespace Cones.Search.EarlyStopping;

/// <summary>When a search may stop before its last step.</summary>
public enum EarlyStopKind
{
    /// <summary>Never.</summary>
    [JsonStringEnumMemberName("none")]
    None,

    /// <summary>When the evaluation loss has come to rest: DVAR (arXiv 2302.04841).</summary>
    [JsonStringEnumMemberName("variance")]
    Variance,

    /// <summary>When the evaluation loss has not become better for a while.</summary>
    [JsonStringEnumMemberName("plateau")]
    Plateau,
}

/// <summary>The options of early stopping; everything is counted in evaluations, not in steps.</summary>
public sealed record EarlyStopOptions
{
    /// <summary>The rule.</summary>
    public EarlyStopKind Name { get; init; } = EarlyStopKind.None;

    /// <summary>
    /// Variance: the number of last evaluations, at least 2; 0 for half of the search's. The paper's 310 are of an evaluation
    /// each step.
    /// </summary>
    public int Window { get; init; } = 31;

    /// <summary>Variance: stop when the last evaluations vary less than this share of the variance of all, in (0, 1).</summary>
    public double Threshold { get; init; } = 0.15;

    /// <summary>The evaluations before which no rule stops; the variance rule needs more than its window anyway.</summary>
    public int MinimumEvaluations { get; init; }

    /// <summary>Plateau: the evaluations without improvement, at least 1; 0 for a third of the search's.</summary>
    public int Patience { get; init; } = 10;

    /// <summary>Plateau: how much lower a loss must be to count as better, at least 0.</summary>
    public double MinimumDelta { get; init; }

    /// <summary>The same with numbers in place of the shares of a search of so many evaluations.</summary>
    public EarlyStopOptions For(int evaluations) => this with
    {
        Window = Window > 0 ? Window : Math.Max(2, (evaluations / 2) + 1),
        Patience = Patience > 0 ? Patience : Math.Max(3, (evaluations + 2) / 3),
    };

    /// <summary>Every option that is out of its range, one sentence each.</summary>
    public IEnumerable<string> Problems()
    {
        if (!Enum.IsDefined(Name)) yield return $"the early-stopping rule {(int)Name} is unknown";
        if (Window is < 0 or 1) yield return $"the early-stopping window is {Window}, it must be at least 2 (0: half of the evaluations)";
        if (!(Threshold is > 0 and < 1)) yield return $"the early-stopping threshold is {Threshold}, it must be in (0, 1)";
        if (MinimumEvaluations < 0) yield return $"early stopping waits for {MinimumEvaluations} evaluations, at least 0 are needed";
        if (Patience < 0) yield return $"the early-stopping patience is {Patience}, it must be at least 1 (0: a third of the evaluations)";
        if (!(MinimumDelta >= 0 && double.IsFinite(MinimumDelta))) yield return $"the least improvement is {MinimumDelta}, it must be at least 0";
    }
}
