using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Tasks.Detection;

namespace Cones.Cli.Search;

/// <summary>What <c>cones search detection</c> found, as <c>--json</c> prints it.</summary>
sealed record DetectionSearchReport
{
    /// <summary>The concept file; null where the search was stopped before its end.</summary>
    public string? Concept { get; init; }

    public long? Bytes { get; init; }

    public required string Method { get; init; }

    public required IReadOnlyList<string> Classes { get; init; }

    public required string Model { get; init; }

    public required string Run { get; init; }

    public required int TrainImages { get; init; }

    public required int ValidationImages { get; init; }

    /// <summary>Why it ended; null where nothing was searched.</summary>
    public Cones.Search.StopReason? Reason { get; init; }

    public string? Message { get; init; }

    public int Steps { get; init; }

    public int BestStep { get; init; }

    public required double StartLoss { get; init; }

    public required double BestLoss { get; init; }

    /// <summary>Average precision on the validation images; null where steps were not judged by it.</summary>
    public double? StartAp { get; init; }

    public double? BestAp { get; init; }

    public required double Seconds { get; init; }

    public static DetectionSearchReport Of(DetectionSearchOptions options, DetectionSearchResult result, RunPaths paths, bool saved, TimeSpan time) => new()
    {
        Concept = saved ? paths.Output : null,
        Bytes = saved ? new FileInfo(paths.Output).Length : null,
        Method = EnumNames<DetectionMethod>.Of(options.Method),
        Classes = [.. options.ResolvedClasses.Select(c => c.Name)],
        Model = options.Model,
        Run = paths.Run,
        TrainImages = options.Train.Images.Count,
        ValidationImages = options.Validation?.Images.Count ?? 0,
        Reason = result.Search?.Reason,
        Message = result.Search?.Message,
        Steps = result.Search?.Step ?? 0,
        BestStep = result.Search?.BestStep ?? 0,
        StartLoss = result.StartLoss,
        BestLoss = result.BestLoss,
        StartAp = result.Start.Ap,
        BestAp = result.Best.Ap,
        Seconds = Math.Round(time.TotalSeconds, 1),
    };

    /// <summary>The same for people.</summary>
    public void Print(TextWriter output)
    {
        var judged = ValidationImages > 0 ? $"{ValidationImages} validation images" : $"{TrainImages} training images";
        if (BestAp is not null) output.WriteLine(TextOutput.Plain($"AP on {judged}: {StartAp:0.0000} -> {BestAp:0.0000} (step {BestStep} of {Steps})"));
        output.WriteLine(TextOutput.Plain($"loss on {judged}: {StartLoss:0.0000} -> {BestLoss:0.0000} (step {BestStep} of {Steps})"));
        output.WriteLine(TextOutput.Plain($"{Concept} ({Bytes} bytes, {Classes.Count} classes); run in {Run}"));
        output.WriteLine(TextOutput.Plain($"try: cones detect PICTURES --model {Model} --concept {Concept}"));
    }
}
