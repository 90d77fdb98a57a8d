namespace Cones.Cli.Compare.Plans;

/// <summary>What <c>cones compare</c> is to do: every combination of models, data sets, genres, shots, seeds and budgets.</summary>
sealed record ComparisonPlan
{
    /// <summary>The plan's file.</summary>
    public required string Path { get; init; }

    public required string Title { get; init; }

    /// <summary>Paragraphs for the report.</summary>
    public string Description { get; init; } = "";

    public required string Task { get; init; }

    public required IReadOnlyList<PlanModel> Models { get; init; }

    public required IReadOnlyList<PlanDataset> Datasets { get; init; }

    public required IReadOnlyList<PlanGenre> Genres { get; init; }

    /// <summary>Training examples: as many for each class, or pictures; null for all.</summary>
    public required IReadOnlyList<int?> Shots { get; init; }

    /// <summary>The seeds that are reported.</summary>
    public required IReadOnlyList<long> Seeds { get; init; }

    /// <summary>For each seed that of its few-shot subset.</summary>
    public required IReadOnlyList<long> ShotSeeds { get; init; }

    public required IReadOnlyList<PlanBudget> Budgets { get; init; }

    /// <summary>How results are judged: the task's keys with their values.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<string>> Evaluation { get; init; }

    /// <summary>The seeds that learning rates are chosen with; none of <see cref="Seeds"/>.</summary>
    public required IReadOnlyList<long> SelectionSeeds { get; init; }

    /// <summary>The data sets that rates are chosen on for all; empty: each data set has its own.</summary>
    public required IReadOnlyList<string> SelectionDatasets { get; init; }

    /// <summary>The shots that rates are chosen with for all; empty: each number of shots has its own.</summary>
    public required IReadOnlyList<int?> SelectionShots { get; init; }

    /// <summary>The qualities that the genres' time is measured to.</summary>
    public IReadOnlyList<PlanReference> References { get; init; } = [];

    /// <summary>The most jobs at once, or null.</summary>
    public int? Parallel { get; init; }

    /// <summary>The learning rates that each genre may try.</summary>
    public int RatesPerGenre => Genres.Max(g => g.LearningRates.Count);
}

/// <summary>The best that a genre reaches, or a share of it where more is better.</summary>
/// <param name="Genre">The genre.</param>
/// <param name="Share">Above 0, at most 1.</param>
sealed record PlanReference(string Genre, double Share = 1);

/// <summary>A model and where it lies.</summary>
sealed record PlanModel(string Name, string Path);

/// <summary>A data set: the task's keys with their values, paths absolute.</summary>
sealed record PlanDataset(string Name, IReadOnlyDictionary<string, IReadOnlyList<string>> Values);

/// <summary>A way of tuning.</summary>
sealed record PlanGenre
{
    public required string Name { get; init; }

    /// <summary>One stage, or several of which each starts from what the one before found.</summary>
    public required IReadOnlyList<PlanStage> Stages { get; init; }

    /// <summary>The rates of the last stage that are tried; empty where nothing is tuned.</summary>
    public required IReadOnlyList<double> LearningRates { get; init; }

    /// <summary>Values that take the place of the data set's, e.g. for a control.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<string>> Data { get; init; }

    /// <summary>Another model for this genre alone, or null.</summary>
    public string? Model { get; init; }
}

/// <summary>A stage: a method of <c>cones search</c> with options, as arguments of that command.</summary>
/// <param name="Method">The method.</param>
/// <param name="Options">Its options.</param>
/// <param name="Share">Its part of the budget, in (0, 1); null: what the others leave, in equal parts.</param>
sealed record PlanStage(string Method, IReadOnlyList<KeyValuePair<string, string?>> Options, double? Share = null);

/// <summary>How long a genre may learn, all its stages together.</summary>
/// <param name="Name">The name in the report.</param>
/// <param name="Steps">The optimiser steps, at most.</param>
/// <param name="Seconds">Seconds of steps: their number follows from the measured time of one; or null.</param>
/// <param name="Options">Options of early stopping, as arguments.</param>
sealed record PlanBudget(string Name, int Steps, double? Seconds, IReadOnlyList<KeyValuePair<string, string?>> Options);
