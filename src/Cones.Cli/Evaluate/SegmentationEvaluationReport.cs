using System.Globalization;
using Cones.Cli.Output;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using Cones.Evaluation.Instances;
using Spectre.Console;

namespace Cones.Cli.Evaluate;

/// <summary>What <c>cones evaluate segmentation</c> found, as <c>--json</c> prints it; left out where there is nothing to judge.</summary>
sealed record SegmentationEvaluationReport
{
    /// <summary>The numbers of a class.</summary>
    public sealed record ClassRow(string Class, int Objects, double? Ap, double? Ap50, double? Ap75, double? Ar, double? Dsb, double? Dsb50, double? Dice);

    public string? Model { get; init; }

    public IReadOnlyList<string>? Concepts { get; init; }

    /// <summary>Where the boxes came from that asked for masks; null where none were needed.</summary>
    public string? Boxes { get; init; }

    /// <summary>How loose the annotations' boxes were made.</summary>
    public double? BoxMargin { get; init; }

    public required string Data { get; init; }

    public required int Images { get; init; }

    public required int Masks { get; init; }

    public double? Ap { get; init; }

    public double? Ap50 { get; init; }

    public double? Ap75 { get; init; }

    public double? ApSmall { get; init; }

    public double? ApMedium { get; init; }

    public double? ApLarge { get; init; }

    public double? Ar { get; init; }

    /// <summary>The score of the 2018 Data Science Bowl.</summary>
    public double? Dsb { get; init; }

    public double? Dsb50 { get; init; }

    public double? Dice { get; init; }

    /// <summary>The least score of the masks in <see cref="Dsb"/> and <see cref="Dice"/>.</summary>
    public required double Threshold { get; init; }

    public required IReadOnlyList<ClassRow> Classes { get; init; }

    public double Seconds { get; init; }

    public static SegmentationEvaluationReport Of(DetectionDataset dataset, IReadOnlyList<CocoResult> results, string data, double threshold)
    {
        var coco = CocoEvaluator.Evaluate(dataset, results, CocoIouType.Segm);
        var instances = InstanceEvaluation.Of(dataset, results, threshold);
        var stats = coco.Stats;
        return new SegmentationEvaluationReport
        {
            Data = data,
            Images = dataset.Images.Count,
            Masks = results.Count,
            Ap = Known(stats.AP),
            Ap50 = Known(stats.AP50),
            Ap75 = Known(stats.AP75),
            ApSmall = Known(stats.APSmall),
            ApMedium = Known(stats.APMedium),
            ApLarge = Known(stats.APLarge),
            Ar = Known(stats.AR),
            Dsb = Known(instances.All.Precision),
            Dsb50 = Known(instances.All.Precision50),
            Dice = Known(instances.All.Dice),
            Threshold = threshold,
            Classes = [.. coco.CategoryIds.Select(id => Row(coco.ClassStats(id), instances.Classes.GetValueOrDefault(id), dataset))],
        };
    }

    /// <summary>The same for people.</summary>
    public void Print(IAnsiConsole console)
    {
        var table = TextOutput.Table("class", "objects", "AP", "AP50", "AP75", "AR", "DSB", "DSB50", "Dice");
        foreach (var r in Classes) Add(r.Class, r.Objects, r.Ap, r.Ap50, r.Ap75, r.Ar, r.Dsb, r.Dsb50, r.Dice);
        if (Classes.Count > 1) Add("all", Classes.Sum(c => c.Objects), Ap, Ap50, Ap75, Ar, Dsb, Dsb50, Dice);
        console.Write(table);
        console.WriteLine(TextOutput.Plain($"AP of masks small {Number(ApSmall)}, medium {Number(ApMedium)}, large {Number(ApLarge)}; {Masks} masks in {Images} images of {Data}"));
        console.WriteLine(TextOutput.Plain($"DSB (2018 Data Science Bowl: hits by all, mean over IoU .50:.05:.95) and Dice of masks with a score of at least {Threshold.ToString(CultureInfo.InvariantCulture)}"));

        void Add(string name, int objects, params ReadOnlySpan<double?> numbers)
        {
            var cells = new List<string?> { name, $"{objects}" };
            foreach (var number in numbers) cells.Add(Number(number));
            table.Row([.. cells]);
        }
    }

    static ClassRow Row(CocoClassStats stats, InstanceScore? score, DetectionDataset dataset) => new(
        dataset.Categories[dataset.CategoryIndex(stats.CategoryId)].Name,
        dataset.Images.Sum(i => i.Annotations.Count(a => a.CategoryId == stats.CategoryId && !a.IsCrowd)),
        Known(stats.AP), Known(stats.AP50), Known(stats.AP75), Known(stats.AR), score?.Precision, score?.Precision50, score?.Dice);

    static double? Known(double value) => value >= 0 ? value : null;

    static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-";
}
