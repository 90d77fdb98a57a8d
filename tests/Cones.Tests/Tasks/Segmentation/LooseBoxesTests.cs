using Cones.Data;
using Cones.Models.Imaging;
using Cones.Tasks.Segmentation;

namespace Cones.Tests.Tasks.Segmentation;

/// <summary>Boxes that are made too large.</summary>
public sealed class LooseBoxesTests
{
    static readonly ImageSize s_size = new(60, 100);

    [Fact]
    public void Each_side_lies_outwards_by_a_share_of_at_most_the_margin()
    {
        BoundingBox[] boxes = [.. Enumerable.Range(0, 200).Select(_ => new BoundingBox(40, 20, 20, 10))];
        var loose = LooseBoxes.Of(boxes, 0.3, s_size, 1);
        Assert.All(loose, b => Assert.True(b is { X: >= 34 and <= 40, Y: >= 17 and <= 20, Right: >= 60 and <= 66, Bottom: >= 30 and <= 33 }, $"{b}"));
        Assert.InRange(loose.Average(b => b.Width), 25.5, 26.5); // 20 and twice 0.15 of it
        Assert.InRange(loose.Average(b => b.Height), 12.75, 13.25);
        Assert.Equal(loose, LooseBoxes.Of(boxes, 0.3, s_size, 1));
        Assert.NotEqual(loose, LooseBoxes.Of(boxes, 0.3, s_size, 2));
        Assert.Same(boxes, LooseBoxes.Of(boxes, 0, s_size, 1));
    }

    [Fact]
    public void No_box_leaves_its_image_and_true_boxes_are_loose_the_same_way_each_time()
    {
        Assert.All(LooseBoxes.Of([.. Enumerable.Range(0, 20).Select(_ => new BoundingBox(0, 0, 100, 60))], 1, s_size, 1), b => Assert.Equal(new BoundingBox(0, 0, 100, 60), b));
        var image = new DatasetImage { Id = 5, FileName = "a.png", Width = 100, Height = 60, Annotations = [Object(1, false), Object(2, true), Object(3, false)] };
        var dataset = new DetectionDataset([new(1, "cell")], [image]);
        var loose = DatasetMasks.TrueBoxes(dataset, image, 0.5);
        Assert.Equal(2, loose.Count); // no crowds
        Assert.Equal(loose, DatasetMasks.TrueBoxes(dataset, image, 0.5));
        Assert.NotEqual(loose, DatasetMasks.TrueBoxes(dataset, image with { Id = 6 }, 0.5));
        Assert.All(DatasetMasks.TrueBoxes(dataset, image), b => Assert.Equal(("cell", new BoundingBox(40, 20, 20, 10)), (b.Name, b.Box)));
    }

    static DatasetAnnotation Object(long id, bool crowd) => new() { Id = id, CategoryId = 1, Box = new BoundingBox(40, 20, 20, 10), Area = 200, IsCrowd = crowd };
}
