using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Scenes;
using Cones.Pretraining.Tests.Recipes.Detector;

namespace Cones.Pretraining.Tests.Evaluation;

public sealed class ScenesOfNamesTests
{
    static readonly SceneClass s_circle = new(ShapeKind.Circle, 0, 1, null);
    static readonly SceneClass s_star = new(ShapeKind.Star, 3, 0, null);
    static readonly ScenesOfNames s_task = new("pairs", ["green star", "red circle"],
    [
        DrawnData.Scene(32, (s_circle, new SceneBox(1, 2, 11, 22)), (s_star, new SceneBox(5, 5, 30, 30))),
        DrawnData.Scene(32, (s_circle, new SceneBox(0, 0, 4, 4))),
    ]);

    [Fact]
    public void Objects_are_annotated_by_the_names_that_are_true_of_them()
    {
        var dataset = s_task.ToDataset();
        Assert.Equal(["green star", "red circle"], dataset.CategoryNames);
        Assert.Equal([1L, 2], dataset.Images[0].Annotations.Select(a => a.CategoryId));
        Assert.Equal(new BoundingBox(1, 2, 10, 20), dataset.Images[0].Annotations[1].Box);
        Assert.Equal(200, dataset.Images[0].Annotations[1].Area);
        Assert.Equal(3, dataset.Images.SelectMany(i => i.Annotations).Select(a => a.Id).Distinct().Count());
        CocoResult[] perfect =
        [
            .. dataset.Images.SelectMany(i => i.Annotations.Select(a => new CocoResult { ImageId = i.Id, CategoryId = a.CategoryId, Box = a.Box, Score = 0.9 })),
        ];
        Assert.Equal(1, CocoEvaluator.Evaluate(dataset, perfect).Stats.AP, 1e-9);
    }

    [Fact]
    public void Every_scene_is_asked_for_every_name()
    {
        var captioned = s_task.Captioned(1, 1);
        Assert.Equal([0, 1], Assert.Single(captioned).Phrases.Select(p => p.Objects.Count));
    }
}
