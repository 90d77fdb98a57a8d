using System.Globalization;
using System.Text;

namespace Cones.Evaluation.Coco;

/// <summary>The twelve numbers by which COCO summarises detections; <see cref="CocoEvaluation.Absent"/> where there is nothing to judge.</summary>
/// <remarks>
/// Reference: pycocotools <c>COCOeval.summarize</c>. The headline AP always asks for 100 detections, and is absent where these are not among
/// the numbers evaluated; all others take the numbers given.
/// </remarks>
/// <param name="AP">Average precision over thresholds.</param>
/// <param name="AP50">At an overlap of 0.5.</param>
/// <param name="AP75">At an overlap of 0.75.</param>
/// <param name="APSmall">Of small objects.</param>
/// <param name="APMedium">Of medium objects.</param>
/// <param name="APLarge">Of large objects.</param>
/// <param name="ARFirst">Average recall with the first number of detections (1).</param>
/// <param name="ARSecond">Average recall with the second number of detections (10).</param>
/// <param name="AR">Average recall with the third number of detections (100).</param>
/// <param name="ARSmall">Of small objects.</param>
/// <param name="ARMedium">Of medium objects.</param>
/// <param name="ARLarge">Of large objects.</param>
public sealed record CocoStats(
    double AP, double AP50, double AP75, double APSmall, double APMedium, double APLarge,
    double ARFirst, double ARSecond, double AR, double ARSmall, double ARMedium, double ARLarge)
{
    const int HeadlineDetections = 100;

    /// <summary>All twelve, in COCO's order.</summary>
    public IReadOnlyList<double> Values => [AP, AP50, AP75, APSmall, APMedium, APLarge, ARFirst, ARSecond, AR, ARSmall, ARMedium, ARLarge];

    internal static CocoStats Of(CocoEvaluation evaluation)
    {
        var (first, second, third) = (Number(evaluation, 0), Number(evaluation, 1), Number(evaluation, 2));
        return new CocoStats(
            evaluation.AveragePrecision(null, "all", HeadlineDetections),
            evaluation.AveragePrecision(0.5, "all", third),
            evaluation.AveragePrecision(0.75, "all", third),
            evaluation.AveragePrecision(null, "small", third),
            evaluation.AveragePrecision(null, "medium", third),
            evaluation.AveragePrecision(null, "large", third),
            evaluation.AverageRecall(null, "all", first),
            evaluation.AverageRecall(null, "all", second),
            evaluation.AverageRecall(null, "all", third),
            evaluation.AverageRecall(null, "small", third),
            evaluation.AverageRecall(null, "medium", third),
            evaluation.AverageRecall(null, "large", third));
    }

    internal string ToTable(CocoEvaluation evaluation)
    {
        var (first, second, third) = (Number(evaluation, 0), Number(evaluation, 1), Number(evaluation, 2));
        var thresholds = evaluation.Options.IouThresholds;
        var all = string.Create(CultureInfo.InvariantCulture, $"{thresholds[0]:0.00}:{thresholds[^1]:0.00}");
        (string Iou, string Area, int Detections)[] rows =
        [
            (all, "all", HeadlineDetections), ("0.50", "all", third), ("0.75", "all", third),
            (all, "small", third), (all, "medium", third), (all, "large", third),
            (all, "all", first), (all, "all", second), (all, "all", third),
            (all, "small", third), (all, "medium", third), (all, "large", third),
        ];
        var text = new StringBuilder();
        for (var i = 0; i < rows.Length; i++)
        {
            var (iou, area, detections) = rows[i];
            var title = i < 6 ? "Average Precision  (AP)" : "Average Recall     (AR)";
            text.Append(CultureInfo.InvariantCulture, $" {title} @[ IoU={iou,-9} | area={area,6} | maxDets={detections,3} ] = {Values[i]:0.000}\n");
        }

        return text.ToString();
    }

    // Where fewer numbers than three are given, the last stands for the missing ones.
    static int Number(CocoEvaluation evaluation, int place) => evaluation.MaxDetections[Math.Min(place, evaluation.MaxDetections.Count - 1)];
}

/// <summary>The numbers of one class at the largest number of detections; <see cref="CocoEvaluation.Absent"/> where there is nothing to judge.</summary>
/// <param name="CategoryId">The class.</param>
/// <param name="AP">Average precision over thresholds.</param>
/// <param name="AP50">At an overlap of 0.5.</param>
/// <param name="AP75">At an overlap of 0.75.</param>
/// <param name="APSmall">Of small objects.</param>
/// <param name="APMedium">Of medium objects.</param>
/// <param name="APLarge">Of large objects.</param>
/// <param name="ARFirst">Average recall with the smallest number of detections.</param>
/// <param name="AR">Average recall with the largest number of detections.</param>
public sealed record CocoClassStats(
    long CategoryId, double AP, double AP50, double AP75, double APSmall, double APMedium, double APLarge, double ARFirst, double AR)
{
    internal static CocoClassStats Of(CocoEvaluation evaluation, int k)
    {
        var last = evaluation.MaxDetections[^1];
        return new CocoClassStats(
            evaluation.CategoryIds[k],
            evaluation.AveragePrecision(null, "all", last, k),
            evaluation.AveragePrecision(0.5, "all", last, k),
            evaluation.AveragePrecision(0.75, "all", last, k),
            evaluation.AveragePrecision(null, "small", last, k),
            evaluation.AveragePrecision(null, "medium", last, k),
            evaluation.AveragePrecision(null, "large", last, k),
            evaluation.AverageRecall(null, "all", evaluation.MaxDetections[0], k),
            evaluation.AverageRecall(null, "all", last, k));
    }
}
