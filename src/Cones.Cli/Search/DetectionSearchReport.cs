using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Tasks.Detection;

namespace Cones.Cli.Search;

/// <summary>What <c>cones search detection</c> found, as <c>--json</c> prints it.</summary>
sealed record DetectionSearchReport
{
    /// <summary>The concept file; null where the search was stopped before its end. Of a trained model the one in its folder.</summary>
    public string? Concept { get; init; }

    /// <summary>The folder of the model that was trained (linear, full), or null.</summary>
    public string? TrainedModel { get; init; }

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

    /// <summary>AP on the validation images; left out where the loss decided.</summary>
    public double? StartAp { get; init; }

    public double? BestAp { get; init; }

    /// <summary>The numbers that were searched or trained.</summary>
    public required long TrainableParameters { get; init; }

    /// <summary>The words that the classes have in the caption.</summary>
    public required IReadOnlyDictionary<string, string> Words { get; init; }

    /// <summary>The candidates for words that were tried, best first.</summary>
    public IReadOnlyList<ClassWordScore>? Candidates { get; init; }

    public required double Seconds { get; init; }

    public static DetectionSearchReport Of(DetectionSearchOptions options, DetectionSearchResult result, RunPaths paths, bool saved, TimeSpan time)
    {
        var trains = options.Method.TrainsWeights();
        var concept = trains ? Path.Combine(paths.Output, DetectionSearchResult.ConceptName) : paths.Output;
        return new DetectionSearchReport
        {
            Concept = saved ? concept : null,
            Bytes = saved ? new FileInfo(concept).Length : null,
            TrainedModel = saved && trains ? paths.Output : null,
            Method = EnumNames<DetectionMethod>.Of(options.Method),
            Classes = [.. options.ResolvedClasses.Select(c => c.Name)],
            Words = result.Concept.Metadata.Classes.ToDictionary(c => c.Name, c => c.Text),
            Candidates = result.Words.Count > 0 ? result.Words : null,
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
            StartAp = result.Start.Score,
            BestAp = result.Best.Score,
            TrainableParameters = result.TrainableParameters,
            Seconds = Math.Round(time.TotalSeconds, 1),
        };
    }

    /// <summary>The same for people.</summary>
    public void Print(TextWriter output)
    {
        var judged = ValidationImages > 0 ? $"{ValidationImages} validation images" : $"{TrainImages} training images";
        foreach (var words in (Candidates ?? []).GroupBy(c => c.Class))
            output.WriteLine(TextOutput.Plain($"words for {words.Key}: {string.Join(", ", words.Select(w => $"{w.Text} {w.Loss:0.0000}"))}"));
        if (BestAp is not null) output.WriteLine(TextOutput.Plain($"AP on {judged}: {StartAp:0.0000} -> {BestAp:0.0000} (step {BestStep} of {Steps})"));
        output.WriteLine(TextOutput.Plain($"loss on {judged}: {StartLoss:0.0000} -> {BestLoss:0.0000} (step {BestStep} of {Steps})"));
        if (TrainedModel is not null)
        {
            output.WriteLine(TextOutput.Plain($"{TrainedModel}: the model with {TrainableParameters} trained weights, {Classes.Count} classes; run in {Run}"));
            output.WriteLine(TextOutput.Plain($"try: cones detect PICTURES --model {TrainedModel}"));
            return;
        }

        output.WriteLine(TextOutput.Plain($"{Concept} ({Bytes} bytes, {Classes.Count} classes, {TrainableParameters} numbers searched); run in {Run}"));
        output.WriteLine(TextOutput.Plain($"try: cones detect PICTURES{(EmbeddedModels.Is(Model, EmbeddedModels.Detector) ? "" : $" --model {Model}")} --concept {Concept}"));
    }
}
