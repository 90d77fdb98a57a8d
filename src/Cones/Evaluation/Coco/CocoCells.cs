using System.Buffers;

namespace Cones.Evaluation.Coco;

/// <summary>What one image shows of one class: ranges of <see cref="CocoCells.Truths"/> and <see cref="CocoCells.Detections"/>.</summary>
/// <param name="Image">Place in the list of images.</param>
/// <param name="FirstTruth">Where its ground truth begins.</param>
/// <param name="TruthCount">How many there are.</param>
/// <param name="FirstDetection">Where its detections begin, the surest first.</param>
/// <param name="DetectionCount">How many take part.</param>
readonly record struct CocoCell(int Image, int FirstTruth, int TruthCount, int FirstDetection, int DetectionCount);

/// <summary>Ground truth and detections sorted into cells: by class, then by image, without empty cells.</summary>
sealed class CocoCells
{
    CocoCells(int[] truths, int[] detections, List<CocoCell> cells, int[] classBegin)
    {
        Truths = truths;
        Detections = detections;
        Cells = cells;
        ClassBegin = classBegin;
    }

    /// <summary>Places in the ground truth, in the order of the file within a cell.</summary>
    internal int[] Truths { get; }

    /// <summary>Places in the detections, by falling score within a cell, equal ones in the order of the list.</summary>
    internal int[] Detections { get; }

    /// <summary>The cells that are not empty.</summary>
    internal List<CocoCell> Cells { get; }

    /// <summary>For each class its first cell, and one number more.</summary>
    internal int[] ClassBegin { get; }

    internal static CocoCells Create(CocoObjects truths, CocoObjects detections, int images, int categories, bool useCategories, int maxDetections)
    {
        var truthOrder = Order(truths, images, categories, useCategories);
        var detectionOrder = Order(detections, images, categories, useCategories);
        var classes = useCategories ? categories : 1;
        var cells = new List<CocoCell>();
        var begin = new int[classes + 1];
        int t = 0, d = 0;
        for (var k = 0; k < classes; k++)
        {
            begin[k] = cells.Count;
            while (true)
            {
                var truthImage = InClass(truths, truthOrder, t, k) ? truths.Images[truthOrder[t]] : int.MaxValue;
                var detectionImage = InClass(detections, detectionOrder, d, k) ? detections.Images[detectionOrder[d]] : int.MaxValue;
                var image = Math.Min(truthImage, detectionImage);
                if (image == int.MaxValue) break;
                var (firstTruth, firstDetection) = (t, d);
                while (InClass(truths, truthOrder, t, k) && truths.Images[truthOrder[t]] == image) t++;
                while (InClass(detections, detectionOrder, d, k) && detections.Images[detectionOrder[d]] == image) d++;
                SortByScore(detectionOrder.AsSpan(firstDetection, d - firstDetection), detections.Scores);
                cells.Add(new CocoCell(image, firstTruth, t - firstTruth, firstDetection, Math.Min(d - firstDetection, maxDetections)));
            }
        }

        begin[classes] = cells.Count;
        return new CocoCells(truthOrder, detectionOrder, cells, begin);

        bool InClass(CocoObjects objects, int[] order, int at, int k) => at < order.Length && (!useCategories || objects.Categories[order[at]] == k);
    }

    /// <summary>Sorts places by falling score; equal scores keep their order.</summary>
    internal static void SortByScore(Span<int> places, double[] scores)
    {
        if (places.Length < 2) return;
        // Sorting is not stable by itself: equal scores are compared by where they stood.
        var before = ArrayPool<int>.Shared.Rent(places.Length);
        places.CopyTo(before);
        for (var i = 0; i < places.Length; i++) places[i] = i;
        places.Sort((a, b) =>
        {
            var order = scores[before[b]].CompareTo(scores[before[a]]);
            return order != 0 ? order : a.CompareTo(b);
        });
        for (var i = 0; i < places.Length; i++) places[i] = before[places[i]];
        ArrayPool<int>.Shared.Return(before);
    }

    // By class and image; where classes are not told apart, by image and then class, for their order breaks ties.
    static int[] Order(CocoObjects objects, int images, int categories, bool useCategories)
    {
        var order = new int[objects.Count];
        for (var i = 0; i < order.Length; i++) order[i] = i;
        order = useCategories ? order : Distribute(order, objects.Categories, categories);
        order = Distribute(order, objects.Images, images);
        return useCategories ? Distribute(order, objects.Categories, categories) : order;
    }

    // A stable counting sort.
    static int[] Distribute(int[] order, int[] keys, int count)
    {
        var next = new int[count + 1];
        foreach (var i in order) next[keys[i] + 1]++;
        for (var k = 0; k < count; k++) next[k + 1] += next[k];
        var sorted = new int[order.Length];
        foreach (var i in order) sorted[next[keys[i]]++] = i;
        return sorted;
    }
}
