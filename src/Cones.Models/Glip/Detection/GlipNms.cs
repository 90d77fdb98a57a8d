namespace Cones.Models.Glip.Detection;

/// <summary>Non-maximum suppression within each class, by the rule of GLIP's CUDA kernel: widths include both corners.</summary>
static class GlipNms
{
    /// <summary>Keeps of the detections of one class that overlap by more than <paramref name="threshold"/> the one with the highest score.</summary>
    /// <returns>What is kept, by descending score; of equal scores the earlier first.</returns>
    public static IReadOnlyList<GlipDetection> Apply(IEnumerable<GlipDetection> detections, double threshold)
    {
        var kept = new List<GlipDetection>();
        var ofClass = new Dictionary<int, List<GlipDetection>>();
        foreach (var detection in detections.OrderByDescending(d => d.Score)) // a stable sort
        {
            if (!ofClass.TryGetValue(detection.Label, out var rivals)) ofClass[detection.Label] = rivals = [];
            if (rivals.Any(r => r.IntersectionOverUnion(detection) > threshold)) continue;
            rivals.Add(detection);
            kept.Add(detection);
        }

        return kept;
    }
}
