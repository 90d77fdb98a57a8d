namespace Cones.Data.FewShot;

/// <summary>Few-shot training sets by the rule of GLIP on ODinW, so that published subsets (seeds 3, 30 and 300) come out again.</summary>
/// <remarks>
/// Reference: GLIP, <c>maskrcnn_benchmark/data/datasets/coco.py</c>. Images that show something are put in ascending order of id
/// and shuffled by Python's generator; in that order an image is taken when some class in it has been counted in fewer than k
/// taken images. A taken image counts once for each class that it shows and keeps all its boxes, so frequent classes get more
/// than k. The set of fewer shots is contained in the one of more shots of the same seed.
/// </remarks>
public static class FewShotSubset
{
    // GLIP: an image counts as empty when each box has a side of at most one pixel.
    const double SmallestSide = 1;

    /// <summary>The images of a subset.</summary>
    /// <param name="dataset">The whole training set.</param>
    /// <param name="shots">Images for each class, at least 1.</param>
    /// <param name="seed">Seed of the order; 0 leaves the images in ascending order, as GLIP does.</param>
    /// <returns>Ids in the order in which they were taken.</returns>
    public static IReadOnlyList<long> SelectIds(DetectionDataset dataset, int shots, long seed)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentOutOfRangeException.ThrowIfLessThan(shots, 1);
        var images = dataset.Images
            .Where(i => i.Annotations.Any(a => a.Box.Width > SmallestSide && a.Box.Height > SmallestSide))
            .OrderBy(i => i.Id).ToList();
        if (seed != 0) new PythonRandom(seed).Shuffle(images);

        var counts = new Dictionary<long, int>();
        var taken = new List<long>();
        foreach (var image in images)
        {
            var classes = image.Annotations.Select(a => a.CategoryId).Distinct().ToArray();
            if (!classes.Any(c => counts.GetValueOrDefault(c) < shots)) continue;
            taken.Add(image.Id);
            foreach (var c in classes) counts[c] = counts.GetValueOrDefault(c) + 1;
        }

        return taken;
    }

    /// <summary>The subset as a data set; see <see cref="SelectIds"/>.</summary>
    public static DetectionDataset Select(DetectionDataset dataset, int shots, long seed) => dataset.Select(SelectIds(dataset, shots, seed));
}
