using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>Scenes with objects of them: pictures, prompts and masks.</summary>
/// <param name="Pixels">Normalised as SAM's, [B, 3, S, S].</param>
/// <param name="Boxes">Left, top, right and bottom in pixels, [B, P, 4].</param>
/// <param name="Points">For each box a point on the object and one beside it, (x, y) in pixels, [B, P, 2, 2].</param>
/// <param name="Masks">How much of each cell an object covers, [B, P, 4 h, 4 w].</param>
sealed record SegmenterBatch(Tensor Pixels, Tensor Boxes, Tensor Points, Tensor Masks)
{
    // What is hidden more than this, or smaller, nobody could outline.
    const double LeastVisible = 0.3;
    const int LeastSide = 6;
    const float Inside = 0.9f;
    const float Outside = 0.1f;

    static readonly float[] s_mean = [0.485f, 0.456f, 0.406f];
    static readonly float[] s_deviation = [0.229f, 0.224f, 0.225f];

    /// <summary>Draws objects of scenes; where a scene has fewer than asked for, some come twice.</summary>
    /// <param name="scenes">The scenes; those without an object that can be outlined are left out, at least one must be left.</param>
    /// <param name="prompts">Objects of each, P.</param>
    /// <param name="cells">The side of the masks.</param>
    /// <param name="noise">The deviation of the boxes' borders relative to their sides.</param>
    /// <param name="padded">The part of the scenes that end before the picture's right or lower border, as pictures that are no squares do.</param>
    /// <param name="random">Chooses objects, noise, points and padding.</param>
    public static SegmenterBatch Of(IEnumerable<Scene> scenes, int prompts, int cells, double noise, double padded, ref CounterRandom random)
    {
        var (canvases, boxes, points, masks) = (new List<Canvas>(), new List<float>(), new List<float>(), new List<float>());
        var ends = new List<(int Width, int Height)>();
        foreach (var scene in scenes)
        {
            var end = padded > 0 && random.Chance(padded) ? End(scene.Picture.Width, ref random) : (Width: scene.Picture.Width, Height: scene.Picture.Height);
            if (!scene.Objects.Any(o => CanBeOutlined(o) && Ends(o.Box))) end = (scene.Picture.Width, scene.Picture.Height);
            SceneObject[] objects = [.. scene.Objects.Where(o => CanBeOutlined(o) && Ends(o.Box))];
            bool Ends(SceneBox box) => box.Right <= end.Width && box.Bottom <= end.Height;
            if (objects.Length == 0) continue;
            canvases.Add(scene.Picture);
            ends.Add(end);
            var chosen = random.Choose(objects, prompts);
            for (var p = 0; p < prompts; p++)
            {
                var thing = chosen[p % chosen.Length];
                AddBox(boxes, thing.Box, scene.Picture.Width, noise, ref random);
                AddPoint(points, thing, scene.Picture.Width, inside: true, ref random);
                AddPoint(points, thing, scene.Picture.Width, inside: false, ref random);
                AddCells(masks, thing.Mask, scene.Picture.Width, cells);
            }
        }

        using var scope = NewDisposeScope();
        var count = canvases.Count;
        return new SegmenterBatch(
            Padded(Normalize(Canvas.ToTensor(canvases)), ends).MoveToOuterDisposeScope(),
            tensor(boxes.ToArray(), [count, prompts, 4]).MoveToOuterDisposeScope(),
            tensor(points.ToArray(), [count, prompts, 2, 2]).MoveToOuterDisposeScope(),
            tensor(masks.ToArray(), [count, prompts, cells, cells]).MoveToOuterDisposeScope());
    }

    /// <summary>Whether enough of an object is seen.</summary>
    public static bool CanBeOutlined(SceneObject thing) => thing.Visible >= LeastVisible && thing.Box.Width >= LeastSide && thing.Box.Height >= LeastSide;

    /// <summary>Maps [B, 3, H, W] in [-1, 1] to SAM's mean and deviation.</summary>
    static Tensor Normalize(Tensor pixels) =>
        (((pixels + 1) / 2) - tensor(s_mean).reshape(1, 3, 1, 1)) / tensor(s_deviation).reshape(1, 3, 1, 1);

    // Pictures are padded with 0 after they are normalised.
    static Tensor Padded(Tensor pixels, List<(int Width, int Height)> ends)
    {
        for (var i = 0; i < ends.Count; i++)
        {
            if (ends[i].Width < pixels.shape[3]) pixels[i].narrow(2, ends[i].Width, pixels.shape[3] - ends[i].Width).fill_(0);
            if (ends[i].Height < pixels.shape[2]) pixels[i].narrow(1, ends[i].Height, pixels.shape[2] - ends[i].Height).fill_(0);
        }

        return pixels;
    }

    static (int Width, int Height) End(int side, ref CounterRandom random)
    {
        var end = (int)(side * random.Next(0.6, 1));
        return random.Chance(0.5) ? (end, side) : (side, end);
    }

    static void AddBox(List<float> boxes, SceneBox box, int side, double noise, ref CounterRandom random)
    {
        var (x, y) = (noise * box.Width, noise * box.Height);
        boxes.AddRange([Moved(box.Left, x, ref random), Moved(box.Top, y, ref random), Moved(box.Right, x, ref random), Moved(box.Bottom, y, ref random)]);

        // A triangular distribution: never farther than 2.4 deviations.
        float Moved(int border, double deviation, ref CounterRandom r) =>
            (float)Math.Clamp(border + ((r.Next() + r.Next() - 1) * deviation * Math.Sqrt(6)), 0, side);
    }

    // A pixel on the object, or one near it that it does not cover; after many misses the middle or a corner of its box.
    static void AddPoint(List<float> points, SceneObject thing, int side, bool inside, ref CounterRandom random)
    {
        var box = thing.Box;
        var margin = inside ? 0 : Math.Max(box.Width, box.Height) / 2;
        for (var tries = 0; tries < 40; tries++)
        {
            var x = Math.Clamp(box.Left - margin + random.Below(box.Width + (2 * margin)), 0, side - 1);
            var y = Math.Clamp(box.Top - margin + random.Below(box.Height + (2 * margin)), 0, side - 1);
            var covered = thing.Mask[(y * side) + x];
            if (inside ? covered < Inside : covered > Outside) continue;
            points.AddRange([x, y]);
            return;
        }

        points.AddRange(inside ? [(box.Left + box.Right) / 2f, (box.Top + box.Bottom) / 2f] : [box.Left, box.Top]);
    }

    static void AddCells(List<float> masks, float[] mask, int side, int cells)
    {
        var step = side / cells;
        for (var y = 0; y < cells; y++)
            for (var x = 0; x < cells; x++)
            {
                var sum = 0f;
                for (var dy = 0; dy < step; dy++)
                    for (var dx = 0; dx < step; dx++) sum += mask[(((y * step) + dy) * side) + (x * step) + dx];
                masks.Add(sum / (step * step));
            }
    }
}
