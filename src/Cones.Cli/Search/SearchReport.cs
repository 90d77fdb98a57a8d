using Cones.Cli.Output;
using Cones.Prompts;
using Cones.Tasks.Generation;

namespace Cones.Cli.Search;

/// <summary>What <c>cones search generation</c> found, as <c>--json</c> prints it.</summary>
sealed record SearchReport
{
    /// <summary>The concept file; null where the search was stopped before its end.</summary>
    public string? Concept { get; init; }

    public long? Bytes { get; init; }

    public required string Name { get; init; }

    public required string Method { get; init; }

    /// <summary>Where the vectors go; null for methods without.</summary>
    public string? Rule { get; init; }

    public required string BaseText { get; init; }

    public required string Model { get; init; }

    public required string Run { get; init; }

    /// <summary>The folder of the trained denoiser (method full), or null.</summary>
    public string? Denoiser { get; init; }

    /// <summary>The picture of before and after, or null.</summary>
    public string? Comparison { get; init; }

    /// <summary>Why it ended; null where nothing was searched.</summary>
    public Cones.Search.StopReason? Reason { get; init; }

    public string? Message { get; init; }

    public int Steps { get; init; }

    public int BestStep { get; init; }

    public required double StartLoss { get; init; }

    public required double BestLoss { get; init; }

    public required double Seconds { get; init; }

    public IReadOnlyList<WordScore>? Candidates { get; init; }

    public static SearchReport Of(GenerationSearchOptions options, GenerationSearchResult result, RunPaths paths, string? comparison, bool saved, TimeSpan time) => new()
    {
        Concept = saved ? paths.Output : null,
        Bytes = saved ? new FileInfo(paths.Output).Length : null,
        Name = options.Name,
        Method = GenerationMethods.NameOf(options.Method),
        Rule = options.Method == GenerationMethod.Concept ? SlotRules.NameOf(options.Rule) : null,
        BaseText = result.BaseText,
        Model = options.Model,
        Run = paths.Run,
        Denoiser = saved && options.Method == GenerationMethod.Full ? Path.Combine(paths.Run, "unet") : null,
        Comparison = comparison,
        Reason = result.Search?.Reason,
        Message = result.Search?.Message,
        Steps = result.Search?.Step ?? 0,
        BestStep = result.Search?.BestStep ?? 0,
        StartLoss = result.StartLoss,
        BestLoss = result.BestLoss,
        Seconds = Math.Round(time.TotalSeconds, 1),
        Candidates = result.Candidates.Count > 0 ? result.Candidates : null,
    };

    /// <summary>The same for people.</summary>
    public void Print(TextWriter output)
    {
        foreach (var (words, loss, _) in Candidates?.Take(4) ?? []) output.WriteLine(TextOutput.Plain($"  {words,-20} {loss:0.0000}"));
        output.WriteLine(TextOutput.Plain($"evaluation loss {StartLoss:0.0000} ('{BaseText}') -> {BestLoss:0.0000}"));
        output.WriteLine(TextOutput.Plain($"{Concept} ({Bytes} bytes); run in {Run}"));
        if (Comparison is not null) output.WriteLine(TextOutput.Plain($"{Comparison}: before (above) and after (below)"));
        output.WriteLine(TextOutput.Plain($"try: cones generate \"a picture of {Name}\" --concept {Concept}{(Denoiser is null ? "" : $" --denoiser {Denoiser}")}"));
    }
}
