using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>Objects drawn one over the other, with the mask of each: what is drawn later hides.</summary>
sealed class SceneLayers(Canvas canvas)
{
    // Less than this much of an object left: nobody can find it.
    const double LeastVisible = 0.15;
    const int LeastSide = 3;

    readonly List<Layer> _layers = [];

    /// <summary>The canvas.</summary>
    public Canvas Canvas { get; } = canvas;

    /// <summary>Where given, boxes go around all of an object, hidden parts too, and are as loose as this.</summary>
    public BoxLooseness? Looseness { get; init; }

    /// <summary>Draws a shape.</summary>
    /// <param name="what">The class.</param>
    /// <param name="brushes">Outline, place and paint of its parts, from behind to front.</param>
    public void Add(SceneClass what, params ReadOnlySpan<ShapeBrush> brushes)
    {
        var layer = new Layer(what, Canvas);
        foreach (var brush in brushes) brush.Draw(Canvas, (at, alpha) => Cover(layer, at, alpha));
        Push(layer);
    }

    /// <summary>Draws an emoji.</summary>
    public void Add(SceneClass what, byte[] rgba, Placement place, Func<Vector128<float>, Vector128<float>>? recolor)
    {
        var layer = new Layer(what, Canvas);
        IconPainter.Draw(Canvas, rgba, place, recolor, (at, alpha) => Cover(layer, at, alpha));
        Push(layer);
    }

    /// <summary>The objects that can still be seen.</summary>
    public IReadOnlyList<SceneObject> Objects()
    {
        var objects = new List<SceneObject>();
        foreach (var layer in _layers)
        {
            var (sum, seen) = layer.Measure();
            var visible = sum / Math.Max(layer.Whole, 1e-6f);
            var box = Looseness?.Around(layer.WholeBox, Canvas.Width, Canvas.Height) ?? seen;
            if (box.Width >= LeastSide && box.Height >= LeastSide && visible >= LeastVisible) objects.Add(new SceneObject(layer.Class, layer.Mask, box, visible));
        }

        return objects;
    }

    void Cover(Layer layer, int at, float alpha)
    {
        layer.Mask[at] = Math.Max(layer.Mask[at], alpha);
        layer.Touch(at);
        foreach (var below in _layers) below.Mask[at] *= 1 - alpha;
    }

    void Push(Layer layer)
    {
        (layer.Whole, layer.WholeBox) = layer.Measure();
        _layers.Add(layer);
    }

    sealed class Layer(SceneClass what, Canvas canvas)
    {
        int _left = canvas.Width, _top = canvas.Height, _right, _bottom;

        public SceneClass Class { get; } = what;

        public float[] Mask { get; } = new float[canvas.Pixels.Length];

        public float Whole { get; set; }

        public SceneBox WholeBox { get; set; }

        public void Touch(int at)
        {
            var (y, x) = Math.DivRem(at, canvas.Width);
            (_left, _right) = (Math.Min(_left, x), Math.Max(_right, x + 1));
            (_top, _bottom) = (Math.Min(_top, y), Math.Max(_bottom, y + 1));
        }

        // Coverage in pixels, and the box of what is covered by half or more.
        public (float Sum, SceneBox Box) Measure()
        {
            var sum = 0f;
            var (left, top, right, bottom) = (_right, _bottom, _left, _top);
            for (var y = _top; y < _bottom; y++)
                for (var x = _left; x < _right; x++)
                {
                    var value = Mask[(y * canvas.Width) + x];
                    sum += value;
                    if (value < 0.5f) continue;
                    (left, right) = (Math.Min(left, x), Math.Max(right, x + 1));
                    (top, bottom) = (Math.Min(top, y), Math.Max(bottom, y + 1));
                }

            return (sum, new SceneBox(left, top, Math.Max(left, right), Math.Max(top, bottom)));
        }
    }
}
