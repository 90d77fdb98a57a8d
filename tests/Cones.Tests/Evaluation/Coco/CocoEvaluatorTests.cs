using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Masks;
using Cones.Evaluation.Coco;
using Cones.Models;

namespace Cones.Tests.Evaluation.Coco;

/// <summary>What the reference outputs do not show; the numbers themselves are compared with pycocotools in the goldens.</summary>
public sealed class CocoEvaluatorTests
{
    static DatasetAnnotation Annotation(long id, long category, BoundingBox box, bool mask = true) => new()
    {
        Id = id,
        CategoryId = category,
        Box = box,
        Area = box.Area,
        Segmentation = mask ? Segmentation.FromBox(box) : null,
    };

    static DetectionDataset Dataset(bool masks = true) => new(
        [new(2, "b"), new(1, "a"), new(3, "c")],
        [
            new DatasetImage { Id = 20, FileName = "b", Width = 100, Height = 80, Annotations = [Annotation(1, 1, new BoundingBox(10, 10, 20, 20), masks), Annotation(2, 2, new BoundingBox(40, 10, 40, 40), masks)] },
            new DatasetImage { Id = 10, FileName = "a", Width = 100, Height = 80, Annotations = [Annotation(3, 1, new BoundingBox(1, 1, 50, 50), masks)] },
        ]);

    static List<CocoResult> Perfect(DetectionDataset dataset) =>
    [
        .. dataset.Images.SelectMany(i => i.Annotations.Select(a => new CocoResult { ImageId = i.Id, CategoryId = a.CategoryId, Score = 0.5, Box = a.Box })),
    ];

    [Theory]
    [InlineData(CocoIouType.Bbox)]
    [InlineData(CocoIouType.Segm)]
    public void Perfect_detections_score_one(CocoIouType type)
    {
        var evaluation = CocoEvaluator.Evaluate(Dataset(), Perfect(Dataset()), type);
        Assert.Equal([1, 1, 1, 1, 1, -1, 1, 1, 1, 1, 1, -1], evaluation.Stats.Values.Select(v => Math.Round(v, 12)));
        Assert.Equal([1L, 2, 3], evaluation.CategoryIds);
        Assert.Equal(1, evaluation.ClassStats(1).AP, 12);
        Assert.Equal(-1, evaluation.ClassStats(3).AP);
        Assert.Throws<ArgumentException>(() => evaluation.ClassStats(4));
    }

    [Fact]
    public void The_table_is_that_of_COCO()
    {
        var table = CocoEvaluator.Evaluate(Dataset(), Perfect(Dataset())).ToTable().Split('\n');
        Assert.Equal(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 1.000", table[0]);
        Assert.Equal(" Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 1.000", table[2]);
        Assert.Equal(" Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000", table[11]);
    }

    [Fact]
    public void The_order_of_images_and_the_number_of_cores_do_not_matter()
    {
        var random = new Random(3);
        var dataset = Dataset();
        List<CocoResult> results =
        [
            .. Enumerable.Range(0, 6000).Select(i => new CocoResult
            {
                ImageId = random.Next(2) == 0 ? 10 : 20,
                CategoryId = random.Next(1, 4),
                Score = random.Next(50) / 50.0,
                Box = new BoundingBox(random.Next(60), random.Next(40), random.Next(1, 50), random.Next(1, 50)),
            }),
        ];
        var expected = CocoEvaluator.Evaluate(dataset, results, options: new CocoEvalOptions { MaxDetections = [5000, 10, 100] });
        var turned = new DetectionDataset([.. dataset.Categories.Reverse()], [.. dataset.Images.Reverse()]);
        var actual = CocoEvaluator.Evaluate(turned, results, options: new CocoEvalOptions { MaxDetections = [10, 100, 5000] });
        Assert.Equal([10, 100, 5000], actual.MaxDetections);
        Assert.Equal(expected.Precision, actual.Precision);
        Assert.Equal(expected.Scores, actual.Scores);
        Assert.Equal(expected.Recall, actual.Recall);
    }

    [Fact]
    public void Classes_and_images_that_do_not_take_part_are_left_out()
    {
        var options = new CocoEvalOptions { ImageIds = [20, 20, 77], CategoryIds = [2, 88] };
        var evaluator = new CocoEvaluator(Dataset(), Perfect(Dataset()), options: options);
        var evaluation = evaluator.Evaluate();
        Assert.Equal([2L, 88], evaluation.CategoryIds);
        Assert.Equal(1, evaluation.Stats.AP, 12);
        Assert.NotNull(evaluator.MatchesOf(20, 2));
        Assert.Null(evaluator.MatchesOf(10, 1));
        Assert.Null(evaluator.OverlapsOf(20, 88));
    }

    [Fact]
    public void Matches_say_what_was_found()
    {
        var results = Perfect(Dataset());
        results.Add(new CocoResult { ImageId = 20, CategoryId = 1, Score = 0.9, Box = new BoundingBox(60, 60, 5, 5) });
        var matches = new CocoEvaluator(Dataset(), results).MatchesOf(20, 1)!;
        Assert.Equal([4L, 1], matches.DetectionIds);
        Assert.Equal([0L, 1], matches.DetectionMatches[0]);
        Assert.Equal([1L], matches.TruthMatches[0]);
        // Without classes the wrong one and those of both classes stand together.
        var agnostic = new CocoEvaluator(Dataset(), results, options: new CocoEvalOptions { UseCategories = false });
        Assert.Equal([4L, 1, 2], agnostic.MatchesOf(20, CocoEvaluator.AllCategories)!.DetectionIds);
        Assert.Equal([CocoEvaluator.AllCategories], agnostic.Evaluate().CategoryIds);
    }

    [Fact]
    public void Without_classes_equal_scores_stand_in_the_order_of_the_classes()
    {
        var box = new BoundingBox(1, 1, 5, 5);
        CocoResult[] results = [.. new long[] { 3, 2, 3, 1 }.Select(c => new CocoResult { ImageId = 20, CategoryId = c, Score = 0.5, Box = box })];
        var evaluator = new CocoEvaluator(Dataset(), results, options: new CocoEvalOptions { UseCategories = false });
        Assert.Equal([4L, 2, 1, 3], evaluator.MatchesOf(20, CocoEvaluator.AllCategories)!.DetectionIds);
    }

    [Fact]
    public void Results_that_cannot_be_judged_are_refused()
    {
        var dataset = Dataset();
        CocoResult good = new() { ImageId = 20, CategoryId = 1, Score = 0.5, Box = new BoundingBox(1, 1, 5, 5) };
        var foreign = Assert.Throws<ConesException>(() => CocoEvaluator.Evaluate(dataset, [good, good with { ImageId = 5 }]));
        Assert.Contains("result 2 is of image 5", foreign.Message);
        Assert.Contains("result 2 has no bbox", Assert.Throws<ConesException>(() => CocoEvaluator.Evaluate(dataset, [good, good with { Box = null, Segmentation = Segmentation.FromBox(good.Box!.Value) }])).Message);
        Assert.Throws<ArgumentException>(() => CocoEvaluator.Evaluate(dataset, [good with { Score = double.NaN }]));
        Assert.Contains("has no mask", Assert.Throws<ConesException>(() => CocoEvaluator.Evaluate(Dataset(masks: false), [good], CocoIouType.Segm)).Message);
    }

    [Fact]
    public void Parameters_out_of_range_are_refused()
    {
        static void Refused(CocoEvalOptions options) => Assert.Throws<ArgumentException>(() => CocoEvaluator.Evaluate(Dataset(), [], options: options));
        Refused(new CocoEvalOptions { MaxDetections = [] });
        Refused(new CocoEvalOptions { MaxDetections = [0] });
        Refused(new CocoEvalOptions { IouThresholds = [1.5] });
        Refused(new CocoEvalOptions { RecallThresholds = [double.NaN] });
        Refused(new CocoEvalOptions { AreaRanges = [] });
        Assert.Throws<ArgumentException>(() => CocoOverlap.Boxes([], [default], []));
    }

    [Fact]
    public void An_empty_data_set_has_no_score()
    {
        var evaluation = CocoEvaluator.Evaluate(new DetectionDataset([], []), []);
        Assert.All(evaluation.Stats.Values, v => Assert.Equal(-1, v));
    }

    [Fact]
    public void Thresholds_round_as_in_numpy()
    {
        Assert.Equal([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95], CocoEvalOptions.Linspace(0.5, 0.95, 10));
        Assert.Equal(0.07, CocoEvalOptions.Linspace(0, 1, 101)[7]);
        Assert.Throws<ArgumentOutOfRangeException>(() => CocoEvalOptions.Linspace(0, 1, 1));
    }
}
