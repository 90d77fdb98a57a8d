namespace Cones.Cli.Compare.Jobs;

/// <summary>What a job gave (<c>result.json</c>).</summary>
sealed record JobResult
{
    public required string Key { get; init; }

    /// <summary>Numbers by name.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>The evaluation loss along the search, all stages one after the other.</summary>
    public required IReadOnlyList<CurvePoint> Curve { get; init; }

    public IReadOnlyList<JobPicture> Pictures { get; init; } = [];

    /// <summary>Why each stage ended.</summary>
    public IReadOnlyList<string> Messages { get; init; } = [];

    /// <summary>The steps that each stage was to make at most.</summary>
    public IReadOnlyList<int> StageSteps { get; init; } = [];

    public required JobMachine Machine { get; init; }

    /// <summary>The day on which it was made.</summary>
    public required DateTimeOffset Finished { get; init; }

    /// <summary>The time of the job, loading and scoring included; of its last session where it was stopped and went on.</summary>
    public required double JobSeconds { get; init; }
}

/// <summary>A point of a learning curve.</summary>
/// <param name="Step">The steps made, all stages together.</param>
/// <param name="Seconds">Their time, each step counted as the median of its search; evaluations not included.</param>
/// <param name="Loss">The evaluation loss.</param>
/// <param name="Score">The score on the evaluation data, where the task has one beside its loss: more is better.</param>
sealed record CurvePoint(int Step, double Seconds, double Loss, double? Score = null);

/// <summary>Where a job ran.</summary>
sealed record JobMachine(string Processor, int Cores, int Threads, string VectorLevel, long MemoryBytes, string System, string Runtime, string Tool);
