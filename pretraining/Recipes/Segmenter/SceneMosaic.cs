using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>Scenes side by side: a picture of small objects, as microscopes make them.</summary>
static class SceneMosaic
{
    /// <summary>Puts scenes of one size in rows and columns.</summary>
    /// <param name="scenes">A square number of them, row after row.</param>
    /// <param name="most">The most objects to keep: those of many scenes would take much memory.</param>
    /// <param name="random">Chooses them among those that can be outlined.</param>
    public static Scene Join(IReadOnlyList<Scene> scenes, int most, ref CounterRandom random)
    {
        if (scenes.Count == 1) return scenes[0];
        var columns = (int)Math.Sqrt(scenes.Count);
        var part = scenes[0].Picture.Width;
        var side = columns * part;
        var picture = new Canvas(side, side);
        for (var i = 0; i < scenes.Count; i++)
            for (var y = 0; y < part; y++)
                scenes[i].Picture.Pixels.AsSpan(y * part, part).CopyTo(picture.Pixels.AsSpan((((i / columns * part) + y) * side) + (i % columns * part)));
        var objects = scenes.SelectMany((s, i) => s.Objects.Where(SegmenterBatch.CanBeOutlined).Select(o => (Scene: i, Object: o))).ToArray();
        return new Scene(picture, [.. random.Choose(objects, most).Select(c => Moved(c.Object, part, side, c.Scene % columns * part, c.Scene / columns * part))]);
    }

    static SceneObject Moved(SceneObject thing, int part, int side, int left, int top)
    {
        var mask = new float[side * side];
        for (var y = 0; y < part; y++) thing.Mask.AsSpan(y * part, part).CopyTo(mask.AsSpan(((top + y) * side) + left));
        var box = thing.Box;
        return thing with { Mask = mask, Box = new SceneBox(box.Left + left, box.Top + top, box.Right + left, box.Bottom + top) };
    }
}
