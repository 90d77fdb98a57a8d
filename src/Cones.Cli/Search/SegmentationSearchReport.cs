using Cones.Cli.Compare.Jobs;
using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Tasks.Segmentation;

namespace Cones.Cli.Search;

/// <summary>What <c>cones search segmentation</c> found, as <c>--json</c> prints it.</summary>
sealed record SegmentationSearchReport
{
    string _boxes = "";
    string _names = "";

    /// <summary>The concept file, or the folder of the tuned model; null where the search was stopped before its end.</summary>
    public string? Concept { get; init; }

    public long? Bytes { get; init; }

    public required string Method { get; init; }

    public required string Boxes { get; init; }

    public required IReadOnlyList<string> Classes { get; init; }

    public required string Model { get; init; }

    /// <summary>The concept file that it went on from.</summary>
    public string? Start { get; init; }

    public required string Run { get; init; }

    public required int TrainImages { get; init; }

    public required int ValidationImages { get; init; }

    /// <summary>The images that no cache had.</summary>
    public required int EncodedImages { get; init; }

    /// <summary>Why it ended; null where nothing was searched.</summary>
    public Cones.Search.StopReason? Reason { get; init; }

    public string? Message { get; init; }

    public int Steps { get; init; }

    public int BestStep { get; init; }

    public required double StartLoss { get; init; }

    public required double BestLoss { get; init; }

    /// <summary>AP of masks on the validation images; left out where the loss decided.</summary>
    public double? StartAp { get; init; }

    public double? BestAp { get; init; }

    /// <summary>What boxes give without a concept (SAM).</summary>
    public double? BoxesAloneLoss { get; init; }

    public double? BoxesAloneAp { get; init; }

    /// <summary>Whether no step was better than the boxes alone: the concepts have no tokens then.</summary>
    public bool IsBoxesAlone { get; init; }

    public required double Seconds { get; init; }

    public static SegmentationSearchReport Of(SegmentationSearchOptions options, SegmentationSearchResult result, string output, string run, bool saved, TimeSpan time) => new()
    {
        Concept = saved ? output : null,
        Bytes = saved ? SizeOf(output) : null,
        Method = EnumNames<SegmentationMethod>.Of(options.Method),
        Boxes = EnumNames<BoxSource>.Of(options.Boxes),
        Classes = [.. options.ResolvedClasses.Select(c => c.Name)],
        Model = options.Model,
        Start = options.Start,
        Run = run,
        TrainImages = options.Train.Images.Count,
        ValidationImages = options.Validation?.Images.Count ?? 0,
        EncodedImages = result.Encoded,
        Reason = result.Search?.Reason,
        Message = result.Search?.Message,
        Steps = result.Search?.Step ?? 0,
        BestStep = result.IsBoxesAlone ? 0 : result.Search?.BestStep ?? 0,
        StartLoss = result.StartLoss,
        BestLoss = result.BestLoss,
        StartAp = result.Start.Score,
        BestAp = result.Best.Score,
        BoxesAloneLoss = result.BoxesAlone?.Loss,
        BoxesAloneAp = result.BoxesAlone?.Score,
        IsBoxesAlone = result.IsBoxesAlone,
        Seconds = Math.Round(time.TotalSeconds, 1),
        _names = result.TakesBoxes || options.Boxes == BoxSource.None || options.Method != SegmentationMethod.Full || options.Start is not null ? "" : $" --classes {JobArguments.Quoted(string.Join(',', options.ResolvedClasses.Select(c => c.Name == c.Text ? c.Name : $"{c.Name}={c.Text}")))}",
        _boxes = result.TakesBoxes ? " --detector DETECTOR" : options.Boxes == BoxSource.None ? " --no-boxes" : "",
    };

    /// <summary>The same for people.</summary>
    public void Print(TextWriter output)
    {
        var judged = ValidationImages > 0 ? $"{ValidationImages} validation images" : $"{TrainImages} training images";
        if (BestAp is not null) output.WriteLine(TextOutput.Plain($"AP of masks on {judged}: {Alone(BoxesAloneAp)}{StartAp:0.0000} -> {BestAp:0.0000} (step {BestStep} of {Steps})"));
        output.WriteLine(TextOutput.Plain($"loss on {judged}: {Alone(BoxesAloneLoss)}{StartLoss:0.0000} -> {BestLoss:0.0000} (step {BestStep} of {Steps})"));
        if (IsBoxesAlone) output.WriteLine("no step was better than the boxes alone: the concepts have no tokens, and give what boxes give");
        output.WriteLine(TextOutput.Plain($"{Concept} ({Bytes} bytes, {Classes.Count} classes); run in {Run}"));
        var (model, concept) = Method == "full" ? ($" --model {Concept}", Start) : (EmbeddedModels.Is(Model, EmbeddedModels.Sam) ? "" : $" --model {Model}", Concept);
        output.WriteLine(TextOutput.Plain($"try: cones segment PICTURES{model}{(concept is null ? "" : $" --concept {concept}")}{_names}{_boxes}"));
    }

    static string Alone(double? value) => value is null ? "" : $"boxes alone {value:0.0000}; ";

    static long SizeOf(string path) => Directory.Exists(path) ? Directory.EnumerateFiles(path).Sum(f => new FileInfo(f).Length) : new FileInfo(path).Length;
}
