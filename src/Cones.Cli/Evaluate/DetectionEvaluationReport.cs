using System.Globalization;
using Cones.Cli.Output;
using Cones.Data;
using Cones.Evaluation.Coco;
using Spectre.Console;

namespace Cones.Cli.Evaluate;

/// <summary>What <c>cones evaluate detection</c> found, as <c>--json</c> prints it: COCO's numbers, left out where there is nothing to judge.</summary>
sealed record DetectionEvaluationReport
{
    /// <summary>The numbers of a class.</summary>
    public sealed record ClassRow(string Class, int Objects, double? Ap, double? Ap50, double? Ap75, double? Ar);

    public string? Model { get; init; }

    public IReadOnlyList<string>? Concepts { get; init; }

    public required string Data { get; init; }

    public required int Images { get; init; }

    public required int Detections { get; init; }

    public double? Ap { get; init; }

    public double? Ap50 { get; init; }

    public double? Ap75 { get; init; }

    public double? ApSmall { get; init; }

    public double? ApMedium { get; init; }

    public double? ApLarge { get; init; }

    public double? Ar { get; init; }

    public required IReadOnlyList<ClassRow> Classes { get; init; }

    public double Seconds { get; init; }

    public static DetectionEvaluationReport Of(CocoEvaluation evaluation, DetectionDataset dataset, string data, int detections)
    {
        var stats = evaluation.Stats;
        return new DetectionEvaluationReport
        {
            Data = data,
            Images = dataset.Images.Count,
            Detections = detections,
            Ap = Known(stats.AP),
            Ap50 = Known(stats.AP50),
            Ap75 = Known(stats.AP75),
            ApSmall = Known(stats.APSmall),
            ApMedium = Known(stats.APMedium),
            ApLarge = Known(stats.APLarge),
            Ar = Known(stats.AR),
            Classes = [.. evaluation.CategoryIds.Select(id => Row(evaluation.ClassStats(id), dataset))],
        };
    }

    /// <summary>The same for people.</summary>
    public void Print(IAnsiConsole console)
    {
        var table = TextOutput.Table("class", "objects", "AP", "AP50", "AP75", "AR");
        foreach (var row in Classes) table.Row(row.Class, $"{row.Objects}", Number(row.Ap), Number(row.Ap50), Number(row.Ap75), Number(row.Ar));
        if (Classes.Count > 1) table.Row("all", $"{Classes.Sum(c => c.Objects)}", Number(Ap), Number(Ap50), Number(Ap75), Number(Ar));
        console.Write(table);
        console.WriteLine(TextOutput.Plain($"AP small {Number(ApSmall)}, medium {Number(ApMedium)}, large {Number(ApLarge)}; {Detections} detections in {Images} images of {Data}"));
    }

    static ClassRow Row(CocoClassStats stats, DetectionDataset dataset) => new(
        dataset.Categories[dataset.CategoryIndex(stats.CategoryId)].Name,
        dataset.Images.Sum(i => i.Annotations.Count(a => a.CategoryId == stats.CategoryId && !a.IsCrowd)),
        Known(stats.AP), Known(stats.AP50), Known(stats.AP75), Known(stats.AR));

    static double? Known(double value) => value < 0 ? null : value;

    static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-";
}
