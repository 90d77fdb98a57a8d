using SkiaSharp;

namespace Cones.Visualization;

/// <summary>Finds places for labels: near their boxes, inside the picture and not on other labels where that is possible.</summary>
sealed class LabelLayout(int width, int height)
{
    readonly List<SKRect> _taken = [];

    /// <summary>The place of the next label.</summary>
    internal SKRect Place(SKRect box, SKSize size)
    {
        var best = default(SKRect);
        var least = float.MaxValue;
        foreach (var (x, y) in Corners(box, size))
        {
            var place = Inside(x, y, size);
            var overlap = _taken.Sum(t => Overlap(t, place));
            // Earlier candidates are better places: a later one must be clearly emptier.
            if (overlap >= least - 1) continue;
            (best, least) = (place, overlap);
            if (overlap == 0) break;
        }

        _taken.Add(best);
        return best;
    }

    // Above the box, inside its upper edge, below it, inside its lower edge; each at the left and at the right.
    static IEnumerable<(float X, float Y)> Corners(SKRect box, SKSize size)
    {
        foreach (var y in new[] { box.Top - size.Height, box.Top, box.Bottom, box.Bottom - size.Height })
        {
            yield return (box.Left, y);
            yield return (box.Right - size.Width, y);
        }
    }

    SKRect Inside(float x, float y, SKSize size)
    {
        x = Math.Max(0, Math.Min(x, width - size.Width));
        y = Math.Max(0, Math.Min(y, height - size.Height));
        return SKRect.Create(x, y, size.Width, size.Height);
    }

    static float Overlap(SKRect a, SKRect b)
    {
        var w = Math.Min(a.Right, b.Right) - Math.Max(a.Left, b.Left);
        var h = Math.Min(a.Bottom, b.Bottom) - Math.Max(a.Top, b.Top);
        return w > 0 && h > 0 ? w * h : 0;
    }
}
