namespace Cones.Evaluation.Coco;

/// <summary>How the detections of one class in one image were matched (pycocotools' <c>evalImgs</c>).</summary>
/// <param name="ImageId">The image.</param>
/// <param name="CategoryId">The class.</param>
/// <param name="Area">The place of the area range in the options.</param>
/// <param name="DetectionIds">Numbers of the detections from 1 in the order of the list, the surest first.</param>
/// <param name="TruthIds">Annotation ids, those outside the area range and crowds last.</param>
/// <param name="TruthIgnored">Whether each annotation is ignored.</param>
/// <param name="DetectionMatches">For each threshold and detection the annotation's id, or 0.</param>
/// <param name="TruthMatches">For each threshold and annotation the detection's number, or 0.</param>
/// <param name="DetectionIgnored">For each threshold and detection whether it is ignored.</param>
public sealed record CocoImageMatches(
    long ImageId, long CategoryId, int Area, IReadOnlyList<long> DetectionIds, IReadOnlyList<long> TruthIds, IReadOnlyList<bool> TruthIgnored,
    IReadOnlyList<IReadOnlyList<long>> DetectionMatches, IReadOnlyList<IReadOnlyList<long>> TruthMatches, IReadOnlyList<IReadOnlyList<bool>> DetectionIgnored)
{
    internal static CocoImageMatches Of(
        CocoMatcher matcher, CocoCell cell, CocoObjects detections, CocoCells cells, CocoEvalOptions options, int area, long imageId, long categoryId)
    {
        var range = options.AreaRanges[area];
        var detectionIds = new long[cell.DetectionCount];
        for (var d = 0; d < detectionIds.Length; d++) detectionIds[d] = detections.Ids[cells.Detections[cell.FirstDetection + d]];
        var truthIds = new long[cell.TruthCount];
        for (var g = 0; g < truthIds.Length; g++) truthIds[g] = matcher.TruthId(g);
        List<long[]> detectionMatches = [], truthMatches = [];
        List<bool[]> ignored = [];
        foreach (var threshold in options.IouThresholds)
        {
            matcher.Match(threshold);
            var byDetection = matcher.DetectionMatches.ToArray();
            var byTruth = matcher.TruthMatches.ToArray();
            detectionMatches.Add(Array.ConvertAll(byDetection, g => g == CocoMatcher.Unmatched ? 0 : truthIds[g]));
            truthMatches.Add(Array.ConvertAll(byTruth, d => d == CocoMatcher.Unmatched ? 0 : detectionIds[d]));
            ignored.Add([.. byDetection.Select((_, d) => matcher.Outcome(d, range) == CocoOutcome.Ignored)]);
        }

        return new CocoImageMatches(imageId, categoryId, area, detectionIds, truthIds, matcher.Ignored.ToArray(), detectionMatches, truthMatches, ignored);
    }
}
