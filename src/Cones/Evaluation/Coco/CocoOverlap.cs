using Cones.Data;
using Cones.Data.Masks;

namespace Cones.Evaluation.Coco;

/// <summary>Overlaps as pycocotools' <c>mask.iou</c> computes them.</summary>
public static class CocoOverlap
{
    /// <summary>The overlap of each detected box with each true one.</summary>
    /// <param name="detections">D boxes.</param>
    /// <param name="truths">G boxes.</param>
    /// <param name="crowd">G marks: of a crowd the overlap is the share of the detection that lies in it.</param>
    /// <returns>D · G numbers, a row for each detection. 0 where boxes do not touch.</returns>
    /// <exception cref="ArgumentException">The number of marks is another.</exception>
    public static double[] Boxes(IReadOnlyList<BoundingBox> detections, IReadOnlyList<BoundingBox> truths, IReadOnlyList<bool> crowd)
    {
        ArgumentNullException.ThrowIfNull(detections);
        RequireMarks(truths, crowd);
        var overlaps = new double[detections.Count * truths.Count];
        for (var d = 0; d < detections.Count; d++)
            for (var g = 0; g < truths.Count; g++)
                overlaps[(d * truths.Count) + g] = Box(detections[d], truths[g], crowd[g]);
        return overlaps;
    }

    /// <summary>The overlap of each detected mask with each true one; -1 for masks of different sizes.</summary>
    /// <param name="detections">D masks.</param>
    /// <param name="truths">G masks.</param>
    /// <param name="crowd">G marks, as for boxes.</param>
    /// <returns>D · G numbers, a row for each detection.</returns>
    /// <exception cref="ArgumentException">The number of marks is another.</exception>
    public static double[] Masks(IReadOnlyList<RleMask> detections, IReadOnlyList<RleMask> truths, IReadOnlyList<bool> crowd)
    {
        ArgumentNullException.ThrowIfNull(detections);
        RequireMarks(truths, crowd);
        var boxes = truths.Select(t => t.Box).ToArray();
        var overlaps = new double[detections.Count * truths.Count];
        for (var d = 0; d < detections.Count; d++)
        {
            var box = detections[d].Box;
            for (var g = 0; g < truths.Count; g++)
                overlaps[(d * truths.Count) + g] = Mask(detections[d], box, truths[g], boxes[g], crowd[g]);
        }

        return overlaps;
    }

    internal static double Box(BoundingBox detection, BoundingBox truth, bool crowd)
    {
        var width = Math.Min(detection.Right, truth.Right) - Math.Max(detection.X, truth.X);
        if (width <= 0) return 0;
        var height = Math.Min(detection.Bottom, truth.Bottom) - Math.Max(detection.Y, truth.Y);
        if (height <= 0) return 0;
        var intersection = width * height;
        return intersection / (crowd ? detection.Area : detection.Area + truth.Area - intersection);
    }

    internal static double Mask(RleMask detection, BoundingBox detectionBox, RleMask truth, BoundingBox truthBox, bool crowd)
    {
        // Without touching boxes there is nothing to count, and sizes are not compared.
        if (!(Box(detectionBox, truthBox, crowd) > 0)) return 0;
        if (detection.Height != truth.Height || detection.Width != truth.Width) return -1;
        var (intersection, union) = RleOverlap.Count(detection, truth);
        if (intersection == 0) return 0;
        return (double)intersection / (crowd ? detection.Area : union);
    }

    static void RequireMarks<T>(IReadOnlyList<T> truths, IReadOnlyList<bool> crowd)
    {
        ArgumentNullException.ThrowIfNull(truths);
        ArgumentNullException.ThrowIfNull(crowd);
        if (crowd.Count != truths.Count) throw new ArgumentException($"{crowd.Count} crowd marks for {truths.Count} objects", nameof(crowd));
    }
}
