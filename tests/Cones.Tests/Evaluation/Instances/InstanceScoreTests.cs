using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Masks;
using Cones.Evaluation.Instances;

namespace Cones.Tests.Evaluation.Instances;

/// <summary>The Data Science Bowl's score and Dice, against counts by hand.</summary>
public sealed class InstanceScoreTests
{
    [Fact]
    public void Exact_masks_score_1_and_missing_ones_0()
    {
        RleMask[] masks = [Square(0, 0, 4), Square(10, 10, 5)];
        Assert.Equal(new InstanceScore(1, 1, 1), InstanceScore.Of(masks, masks));
        Assert.Equal(new InstanceScore(0, 0, 0), InstanceScore.Of([], masks));
        Assert.Equal(new InstanceScore(0, 0, 0), InstanceScore.Of(masks, []));
        Assert.Equal(new InstanceScore(1, 1, 1), InstanceScore.Of([], []));
    }

    [Fact]
    public void A_hit_needs_more_overlap_than_the_threshold()
    {
        // 10 x 8 of 10 x 10: IoU 0.8 is above 0.50 to 0.75 and not above 0.80: six of ten thresholds; one wrong mask beside it.
        RleMask[] truth = [Rectangle(0, 0, 10, 10)];
        var score = InstanceScore.Of([Rectangle(0, 0, 10, 8), Square(15, 15, 3)], truth);
        Assert.Equal(0.6 * 0.5, score.Precision, 1e-12);
        Assert.Equal(0.5, score.Precision50, 1e-12);
        Assert.Equal(2 * 80.0 / (89 + 100), score.Dice, 1e-12);
        // Exactly one half is no hit.
        Assert.Equal(0, InstanceScore.Of([Rectangle(0, 0, 10, 5)], truth).Precision50);
    }

    [Fact]
    public void A_pixel_of_several_masks_belongs_to_the_first()
    {
        RleMask[] truth = [Square(0, 0, 10)];
        // The second is all in the first: nothing is left of it, and it counts as no wrong mask.
        Assert.Equal(1, InstanceScore.Of([Square(0, 0, 10), Square(2, 2, 5)], truth).Precision);
        // The other way round 25 pixels of the object are taken from the mask that covers it.
        Assert.Equal(0.5, InstanceScore.Of([Square(2, 2, 5), Square(0, 0, 10)], truth).Precision50, 1e-12);
    }

    [Fact]
    public void Classes_and_images_are_averaged()
    {
        DetectionDataset data = new(
            [new(1, "a"), new(2, "b"), new(3, "never")],
            [Image(1, (1, Square(0, 0, 6))), Image(2, (1, Square(0, 0, 6)), (2, Square(10, 10, 4)))]);
        CocoResult[] results = [Result(1, 1, Square(0, 0, 6), 0.9), Result(2, 2, Square(10, 10, 4), 0.8), Result(2, 2, Square(0, 10, 3), 0.2)];
        var evaluation = InstanceEvaluation.Of(data, results, 0.5);
        Assert.Equal([1, 2], evaluation.Classes.Keys.Order());
        Assert.Equal(0.5, evaluation.Classes[1].Precision); // found on one of two images
        Assert.Equal(1, evaluation.Classes[2].Precision); // the wrong one is below the threshold
        Assert.Equal(0.75, evaluation.All.Precision);
        Assert.Equal(0.5, InstanceEvaluation.Of(data, results, 0).Classes[2].Precision);
    }

    static RleMask Square(int x, int y, int side) => Rectangle(x, y, side, side);

    static RleMask Rectangle(int x, int y, int width, int height) => Segmentation.FromBox(new BoundingBox(x, y, width, height)).ToMask(20, 20);

    static DatasetImage Image(long id, params (long Category, RleMask Mask)[] objects) => new()
    {
        Id = id,
        FileName = $"{id}.png",
        Width = 20,
        Height = 20,
        Annotations = [.. objects.Select((o, i) => new DatasetAnnotation { Id = (10 * id) + i, CategoryId = o.Category, Box = o.Mask.Box, Area = o.Mask.Area, Segmentation = Segmentation.FromMask(o.Mask) })],
    };

    static CocoResult Result(long image, long category, RleMask mask, double score) =>
        new() { ImageId = image, CategoryId = category, Score = score, Segmentation = Segmentation.FromMask(mask) };
}
