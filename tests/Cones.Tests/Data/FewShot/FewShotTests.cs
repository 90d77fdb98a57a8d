using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.FewShot;
using Cones.Goldens;

namespace Cones.Tests.Data.FewShot;

public sealed class FewShotTests
{
    // Python 3: random.Random(seed).shuffle(list(range(20)))
    [Theory]
    [InlineData(3, new[] { 8, 3, 6, 5, 15, 16, 2, 12, 0, 1, 13, 10, 19, 9, 14, 11, 4, 17, 18, 7 })]
    [InlineData(30, new[] { 11, 5, 3, 12, 15, 18, 4, 14, 7, 1, 2, 10, 13, 16, 19, 8, 6, 0, 9, 17 })]
    [InlineData(300, new[] { 12, 16, 4, 7, 14, 13, 3, 1, 10, 2, 17, 9, 6, 8, 5, 15, 0, 18, 11, 19 })]
    [InlineData(-5, new[] { 4, 9, 6, 5, 14, 17, 18, 1, 2, 15, 10, 3, 12, 7, 13, 0, 16, 11, 8, 19 })]
    [InlineData((1L << 40) + 7, new[] { 17, 0, 10, 3, 1, 2, 9, 12, 7, 13, 5, 11, 14, 6, 16, 4, 8, 15, 18, 19 })]
    public void Shuffling_is_Pythons(long seed, int[] expected)
    {
        var items = Enumerable.Range(0, 20).ToArray();
        new PythonRandom(seed).Shuffle(items);
        Assert.Equal(expected, items);
    }

    [Fact]
    public void Bounded_numbers_are_Pythons()
    {
        // random.Random(30): randrange(n) for these n
        var random = new PythonRandom(30);
        Assert.Equal([0, 0, 2, 3, 263, 104101418], new[] { 1, 2, 3, 10, 1000, int.MaxValue }.Select(random.Below));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.Below(0));
    }

    // Classes by image; the expectations were computed with Python by the rule of GLIP.
    static DetectionDataset Example()
    {
        Dictionary<long, long[]> classes = new()
        {
            [10] = [1],
            [11] = [1, 2],
            [12] = [1],
            [13] = [3],
            [14] = [1],
            [15] = [2, 3],
            [16] = [1],
            [17] = [1],
            [18] = [2],
            [19] = [1, 3],
            [20] = [1],
            [21] = [1],
        };
        long id = 0;
        var images = classes.Reverse().Select(c => Image(c.Key, [.. c.Value.Select(k => Annotation(++id, k, 5))])).ToList();
        // Not counted: no annotation, and a box of one pixel's width.
        images.Add(Image(5, []));
        images.Add(Image(6, [Annotation(++id, 1, 1)]));
        return new DetectionDataset([new(1, "a"), new(2, "b"), new(3, "c")], images);
    }

    static DatasetImage Image(long id, DatasetAnnotation[] annotations) => new() { Id = id, FileName = $"{id}.png", Width = 10, Height = 10, Annotations = annotations };

    static DatasetAnnotation Annotation(long id, long category, double width) => new() { Id = id, CategoryId = category, Box = new BoundingBox(0, 0, width, 5), Area = width * 5 };

    [Theory]
    [InlineData(1, 0, new long[] { 10, 11, 13 })]
    [InlineData(1, 3, new long[] { 11, 15 })]
    [InlineData(1, 30, new long[] { 11, 15 })]
    [InlineData(1, 300, new long[] { 21, 18, 13 })]
    [InlineData(2, 0, new long[] { 10, 11, 13, 15 })]
    [InlineData(2, 3, new long[] { 11, 17, 15, 19 })]
    [InlineData(2, 30, new long[] { 11, 15, 16, 13 })]
    [InlineData(2, 300, new long[] { 21, 16, 18, 11, 13, 15 })]
    [InlineData(3, 3, new long[] { 11, 17, 20, 15, 18, 19, 13 })]
    [InlineData(3, 30, new long[] { 11, 15, 16, 20, 13, 19, 18 })]
    [InlineData(3, 300, new long[] { 21, 16, 18, 11, 13, 15, 19 })]
    public void Subsets_follow_the_rule_of_GLIP(int shots, long seed, long[] expected)
    {
        Assert.Equal(expected, FewShotSubset.SelectIds(Example(), shots, seed));
        var subset = FewShotSubset.Select(Example(), shots, seed);
        Assert.Equal(expected, subset.Images.Select(i => i.Id));
        Assert.Equal(3, subset.Categories.Count);
    }

    [Theory]
    [InlineData("bccd")]
    [InlineData("nuclei")]
    public void Published_subsets_come_out_again(string name)
    {
        var folder = Path.Combine(GoldenSuite.DataFolder, name, "annotations");
        Assert.SkipUnless(Directory.Exists(folder), $"the public data set {name} is not here");
        var options = new DataReadOptions { Checks = DataChecks.AsWritten };
        var train = CocoReader.Read(Path.Combine(folder, "train.json"), options).Dataset;
        foreach (var shots in new[] { 1, 3, 5, 10 })
        {
            foreach (var seed in new[] { 3, 30, 300 })
            {
                var published = CocoReader.Read(Path.Combine(folder, $"train_{shots}shot_seed{seed}.json"), options).Dataset;
                var subset = FewShotSubset.Select(train, shots, seed);
                Assert.Equal(published.Images.Select(i => i.Id), subset.Images.Select(i => i.Id));
                Assert.Equal(published.Images.SelectMany(i => i.Annotations).Select(a => a.Id), subset.Images.SelectMany(i => i.Annotations).Select(a => a.Id));
            }
        }
    }
}
