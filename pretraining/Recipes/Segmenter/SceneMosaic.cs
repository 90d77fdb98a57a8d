using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>Scenes side by side: a picture of small objects, as microscopes make them.</summary>
static class SceneMosaic
{
    /// <summary>Puts scenes of one size in rows and columns.</summary>
    /// <param name="scenes">A square number of them, row after row.</param>
    public static Scene Join(IReadOnlyList<Scene> scenes)
    {
        if (scenes.Count == 1) return scenes[0];
        var columns = (int)Math.Sqrt(scenes.Count);
        var part = scenes[0].Picture.Width;
        var side = columns * part;
        var picture = new Canvas(side, side);
        var objects = new List<SceneObject>();
        for (var i = 0; i < scenes.Count; i++)
        {
            var (left, top) = (i % columns * part, i / columns * part);
            for (var y = 0; y < part; y++)
                scenes[i].Picture.Pixels.AsSpan(y * part, part).CopyTo(picture.Pixels.AsSpan(((top + y) * side) + left));
            foreach (var thing in scenes[i].Objects)
            {
                var mask = new float[side * side];
                for (var y = 0; y < part; y++) thing.Mask.AsSpan(y * part, part).CopyTo(mask.AsSpan(((top + y) * side) + left));
                var box = thing.Box;
                objects.Add(thing with { Mask = mask, Box = new SceneBox(box.Left + left, box.Top + top, box.Right + left, box.Bottom + top) });
            }
        }

        return new Scene(picture, objects);
    }
}
