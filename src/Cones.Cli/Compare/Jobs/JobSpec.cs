namespace Cones.Cli.Compare.Jobs;

/// <summary>One run of a comparison, complete in itself: what a worker process is given (<c>job.json</c>).</summary>
sealed record JobSpec
{
    /// <summary>The digest of all that decides the result; names the job's folder.</summary>
    public string Key { get; init; } = "";

    public required string Task { get; init; }

    public required string Model { get; init; }

    public required string ModelPath { get; init; }

    public required string Dataset { get; init; }

    /// <summary>The data set's values, paths absolute.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<string>> Data { get; init; }

    public required string Genre { get; init; }

    /// <summary>Training examples; null for all.</summary>
    public int? Shots { get; init; }

    public required long Seed { get; init; }

    /// <summary>The seed of the few-shot subset.</summary>
    public required long ShotSeed { get; init; }

    public required string Budget { get; init; }

    /// <summary>Whether the run only helps to choose a learning rate: validation data judges it.</summary>
    public bool Selection { get; init; }

    /// <summary>The learning rate that is tried or was chosen; null where the genre has none to choose.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Optimiser steps of all stages, at most.</summary>
    public required int Steps { get; init; }

    /// <summary>Seconds of steps of all stages; null: the steps count.</summary>
    public double? Seconds { get; init; }

    public required IReadOnlyList<JobStage> Stages { get; init; }

    /// <summary>How the result is judged.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<string>> Evaluation { get; init; }

    /// <summary>The part of the budget that is a stage's, in (0, 1].</summary>
    public double ShareOf(int stage) => Stages[stage].Share ?? ((1 - Stages.Sum(s => s.Share ?? 0)) / Stages.Count(s => s.Share is null));

    /// <summary>The steps of a stage where none is timed, whole ones.</summary>
    public int StepsOf(int stage) => Math.Max(1, (int)((Steps * ShareOf(stage)) + 1e-6));

    /// <summary>The job in a line, for progress and errors.</summary>
    public string Title => string.Join(", ", ((string?[])
    [
        Model, Dataset, Genre, Shots is null ? null : ShotsName(Shots), Budget, $"seed {Seed}",
        LearningRate is { } rate && double.IsFinite(rate) ? FormattableString.Invariant($"lr {rate}") : null,
        Selection ? "choosing the rate" : null,
    ]).Where(p => p is not null));

    /// <summary>A number of training examples in words; null for all.</summary>
    public static string ShotsName(int? shots) => shots switch { null => "all shots", 1 => "1 shot", _ => $"{shots} shots" };

    /// <summary>A value of the data set, or null.</summary>
    public string? DataValue(string key) => Data.TryGetValue(key, out var values) && values.Count > 0 ? values[0] : null;

    /// <summary>All values of a key of the data set.</summary>
    public IReadOnlyList<string> DataValues(string key) => Data.TryGetValue(key, out var values) ? values : [];

    /// <summary>Whether a flag of the data set is set.</summary>
    public bool DataFlag(string key) => DataValue(key) == "true";

    /// <summary>A value of the evaluation, or null.</summary>
    public string? EvaluationValue(string key) => Evaluation.TryGetValue(key, out var values) && values.Count > 0 ? values[0] : null;
}

/// <summary>A stage of a job: a method and the arguments of <c>cones search</c> that data, model, steps and seed do not give.</summary>
/// <param name="Method">The method.</param>
/// <param name="Options">The arguments.</param>
/// <param name="Share">Its part of the budget, or null: what the others leave, in equal parts.</param>
sealed record JobStage(string Method, IReadOnlyList<KeyValuePair<string, string?>> Options, double? Share = null);

/// <summary>What a job will take, roughly.</summary>
/// <param name="SecondsPerStep">Of one optimiser step.</param>
/// <param name="OtherSeconds">Loading, caching, evaluating, scoring.</param>
/// <param name="Bytes">The most memory.</param>
sealed record JobEstimate(double SecondsPerStep, double OtherSeconds, long Bytes);
