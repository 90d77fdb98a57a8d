using Cones.Data;
using Cones.Models.Imaging;
using Cones.Pretraining.Recipes.Detector;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Evaluation;

/// <summary>Scenes, and the names that are looked for in all of them.</summary>
/// <param name="Name">The score's name.</param>
/// <param name="Names">The caption's names.</param>
/// <param name="Scenes">The scenes.</param>
sealed record ScenesOfNames(string Name, IReadOnlyList<string> Names, IReadOnlyList<Scene> Scenes)
{
    /// <summary>Some scenes with the caption of all names.</summary>
    public IReadOnlyList<CaptionedScene> Captioned(int first, int count) =>
    [
        .. Scenes.Skip(first).Take(count).Select(s => new CaptionedScene(s, [.. Names.Select(n => new CaptionPhrase(n, Matching(s, n)))])),
    ];

    /// <summary>The scenes as COCO has data sets: images and classes are numbered from 1.</summary>
    public DetectionDataset ToDataset()
    {
        var id = 0;
        return new DetectionDataset(
            [.. Names.Select((n, i) => new DatasetCategory(i + 1, n))],
            [.. Scenes.Select((scene, i) => new DatasetImage
            {
                Id = i + 1,
                FileName = $"{Name}-{i + 1:D3}.png",
                Width = scene.Picture.Width,
                Height = scene.Picture.Height,
                Annotations = [.. Names.SelectMany((n, place) => Matching(scene, n).Select(o => Annotation(scene.Objects[o], place + 1)))],
            })]);

        DatasetAnnotation Annotation(SceneObject thing, int category)
        {
            var box = new BoundingBox(thing.Box.Left, thing.Box.Top, thing.Box.Width, thing.Box.Height);
            return new DatasetAnnotation { Id = ++id, CategoryId = category, Box = box, Area = box.Area };
        }
    }

    /// <summary>A scene's picture.</summary>
    public static RgbImage Picture(Scene scene) => new(scene.Picture.Width, scene.Picture.Height, scene.Picture.ToRgb());

    static int[] Matching(Scene scene, string name) => [.. Enumerable.Range(0, scene.Objects.Count).Where(i => scene.Objects[i].Class.Phrases().Contains(name))];
}
