using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Training;

/// <summary>Adaptive training sample selection (arXiv 1912.02424), with GLIP's conventions (<c>prepare_targets</c>).</summary>
/// <remarks>
/// Of each level the anchors closest to a box are candidates; those are positive whose overlap with the box is at least the
/// candidates' mean plus their standard deviation, and whose centre lies in the box. An anchor of several boxes goes to the one it
/// overlaps most. Of equally close anchors the first ones are taken; PyTorch leaves that open.
/// </remarks>
/// <param name="config">The number of candidates.</param>
public sealed class AtssAssigner(GlipLossConfig config)
{
    // How far inside a box an anchor's centre must lie, in pixels.
    const double Inside = 0.01;

    /// <summary>Assigns boxes to the anchors of an image.</summary>
    /// <param name="anchors">The anchors, of the padded image.</param>
    /// <param name="boxes">[G, 4], x1, y1, x2, y2 in pixels of the resized image; G may be 0.</param>
    /// <exception cref="ArgumentException">The shape is wrong, or a box has no extent.</exception>
    public AtssAssignment Assign(GlipAnchors anchors, Tensor boxes)
    {
        if (boxes.dim() != 2 || boxes.shape[1] != 4) throw new ArgumentException($"boxes must be [boxes,4], not [{string.Join(",", boxes.shape)}]", nameof(boxes));
        var values = TensorValues.Floats(boxes);
        var count = values.Length / 4;
        var bestBox = new int[anchors.Count];
        var bestOverlap = new double[anchors.Count];
        Array.Fill(bestBox, -1);
        for (var box = 0; box < count; box++)
        {
            var target = values.AsSpan(4 * box, 4);
            if (!(target[2] >= target[0] && target[3] >= target[1]))
                throw new ArgumentException($"box {box} runs from ({target[0]}, {target[1]}) to ({target[2]}, {target[3]}): drop boxes without extent", nameof(boxes));
            foreach (var (anchor, overlap) in Positives(anchors, target))
                if (bestBox[anchor] < 0 || overlap > bestOverlap[anchor]) (bestBox[anchor], bestOverlap[anchor]) = (box, overlap);
        }

        int[] positive = [.. Enumerable.Range(0, anchors.Count).Where(a => bestBox[a] >= 0)];
        return Describe(anchors, values, positive, [.. positive.Select(a => bestBox[a])]);
    }

    List<(int Anchor, double Overlap)> Positives(GlipAnchors anchors, ReadOnlySpan<float> box)
    {
        var candidates = new List<(int Anchor, double Overlap)>();
        var first = 0;
        foreach (var count in anchors.LevelCounts)
        {
            foreach (var anchor in Closest(anchors.Boxes.Slice(4 * first, 4 * count), box))
                candidates.Add((first + anchor, Overlap(anchors.Boxes.Slice(4 * (first + anchor), 4), box)));
            first += count;
        }

        var mean = candidates.Average(c => c.Overlap);
        // The unbiased deviation; of a single candidate it is NaN, and nothing is positive.
        var deviation = Math.Sqrt(candidates.Sum(c => (c.Overlap - mean) * (c.Overlap - mean)) / (candidates.Count - 1));
        var positives = new List<(int, double)>();
        foreach (var candidate in candidates)
            if (candidate.Overlap >= mean + deviation && Contains(box, anchors.Boxes.Slice(4 * candidate.Anchor, 4))) positives.Add(candidate);
        return positives;
    }

    // The few closest so far are kept in order; of equals the first one came first.
    IEnumerable<int> Closest(ReadOnlySpan<float> anchors, ReadOnlySpan<float> box)
    {
        var closest = new List<(double Distance, int Anchor)>(config.TopK + 1);
        var (x, y) = Center(box);
        for (var i = 0; i < anchors.Length / 4; i++)
        {
            var (anchorX, anchorY) = Center(anchors.Slice(4 * i, 4));
            var distance = ((anchorX - x) * (anchorX - x)) + ((anchorY - y) * (anchorY - y));
            if (closest.Count == config.TopK && distance >= closest[^1].Distance) continue;
            var place = closest.Count;
            while (place > 0 && distance < closest[place - 1].Distance) place--;
            closest.Insert(place, (distance, i));
            if (closest.Count > config.TopK) closest.RemoveAt(config.TopK);
        }

        return closest.Select(c => c.Anchor);
    }

    // The targets go through the box coder, as the losses compare what it decodes.
    static AtssAssignment Describe(GlipAnchors anchors, float[] boxes, int[] positive, int[] matched)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        float[] anchorBoxes = [.. positive.SelectMany(a => anchors.Boxes.Slice(4 * a, 4).ToArray())];
        float[] matchedBoxes = [.. matched.SelectMany(b => boxes.AsSpan(4 * b, 4).ToArray())];
        var anchorTensor = tensor(anchorBoxes, [positive.Length, 4], ScalarType.Float64);
        var encoded = GlipBoxCoder.Encode(tensor(matchedBoxes, [positive.Length, 4], ScalarType.Float64), anchorTensor);
        var targets = TensorValues.Floats(GlipBoxCoder.Decode(encoded, anchorTensor));
        float[] centerness = [.. Enumerable.Range(0, positive.Length).Select(i => Centerness(anchorBoxes.AsSpan(4 * i, 4), targets.AsSpan(4 * i, 4)))];
        return new AtssAssignment(anchors.Count, boxes.Length / 4, positive, matched, anchorBoxes, targets, centerness);
    }

    static float Centerness(ReadOnlySpan<float> anchor, ReadOnlySpan<float> box)
    {
        var (x, y) = Center(anchor);
        double left = x - box[0], top = y - box[1], right = box[2] - x, bottom = box[3] - y;
        return (float)Math.Sqrt(Math.Min(left, right) / Math.Max(left, right) * (Math.Min(top, bottom) / Math.Max(top, bottom)));
    }

    static (double X, double Y) Center(ReadOnlySpan<float> box) => (((double)box[0] + box[2]) / 2, ((double)box[1] + box[3]) / 2);

    static bool Contains(ReadOnlySpan<float> box, ReadOnlySpan<float> anchor)
    {
        var (x, y) = Center(anchor);
        return Math.Min(Math.Min(x - box[0], y - box[1]), Math.Min(box[2] - x, box[3] - y)) > Inside;
    }

    // Both corners belong to a box.
    static double Overlap(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var width = Math.Max(Math.Min((double)a[2], b[2]) - Math.Max(a[0], b[0]) + 1, 0);
        var height = Math.Max(Math.Min((double)a[3], b[3]) - Math.Max(a[1], b[1]) + 1, 0);
        var intersection = width * height;
        return intersection / (Area(a) + Area(b) - intersection);

        static double Area(ReadOnlySpan<float> box) => ((double)box[2] - box[0] + 1) * ((double)box[3] - box[1] + 1);
    }
}
