using System.Runtime.Intrinsics;

namespace Cones.Pretraining.Data;

/// <summary>Where a drawing goes.</summary>
/// <param name="Left">The left border in pixels of the canvas; may lie outside.</param>
/// <param name="Top">The upper border.</param>
/// <param name="Width">The drawn width in pixels.</param>
/// <param name="Height">The drawn height in pixels.</param>
/// <param name="Mirrored">Whether left and right are exchanged.</param>
readonly record struct Placement(double Left, double Top, double Width, double Height, bool Mirrored = false)
{
    /// <summary>A square drawing in the middle of a square canvas, moved by parts of the canvas' side.</summary>
    public static Placement Centered(int canvas, double scale, double dx = 0, double dy = 0, bool mirrored = false)
    {
        var side = canvas * scale;
        return new(((canvas - side) / 2) + (dx * canvas), ((canvas - side) / 2) + (dy * canvas), side, side, mirrored);
    }
}

/// <summary>Draws icons on a canvas: resampled with a triangle filter as wide as the reduction, colours weighted by alpha.</summary>
static class IconPainter
{
    const int Side = IconPack.Side;

    /// <summary>Draws an icon.</summary>
    /// <param name="canvas">Receives it.</param>
    /// <param name="rgba">[Side, Side, RGBA], colour multiplied by alpha.</param>
    /// <param name="place">Where.</param>
    /// <param name="recolor">Changes the colour (multiplied by alpha in the fourth value) of every pixel, or null.</param>
    /// <param name="coverage">Receives the alpha of every pixel of the canvas that is touched, or null.</param>
    public static void Draw(
        Canvas canvas, ReadOnlySpan<byte> rgba, Placement place, Func<Vector128<float>, Vector128<float>>? recolor = null, Action<int, float>? coverage = null)
    {
        var columns = new Taps(place.Left, place.Width, canvas.Width, place.Mirrored);
        var rows = new Taps(place.Top, place.Height, canvas.Height, mirrored: false);
        if (columns.Count <= 0 || rows.Count <= 0) return;

        // Columns first, for the source rows that are needed: [rows, Count]
        var firstRow = rows.FirstSource;
        var between = new Vector128<float>[(rows.LastSource - firstRow + 1) * columns.Count];
        for (var y = 0; y <= rows.LastSource - firstRow; y++)
        {
            var line = rgba.Slice((firstRow + y) * Side * 4, Side * 4);
            for (var x = 0; x < columns.Count; x++)
            {
                var sum = Vector128<float>.Zero;
                var (start, weights) = columns[x];
                for (var t = 0; t < weights.Length; t++)
                {
                    var at = (start + t) * 4;
                    sum += Vector128.Create(line[at], line[at + 1], line[at + 2], (float)line[at + 3]) * weights[t];
                }

                between[(y * columns.Count) + x] = sum * (1 / 255f);
            }
        }

        for (var y = 0; y < rows.Count; y++)
        {
            var (start, weights) = rows[y];
            for (var x = 0; x < columns.Count; x++)
            {
                var sum = Vector128<float>.Zero;
                for (var t = 0; t < weights.Length; t++) sum += between[((start + t - firstRow) * columns.Count) + x] * weights[t];
                if (recolor is not null) sum = recolor(sum);
                var alpha = sum[3];
                if (alpha <= 0) continue;
                var at = ((rows.First + y) * canvas.Width) + columns.First + x;
                canvas.Pixels[at] = sum + (canvas.Pixels[at] * (1 - alpha));
                coverage?.Invoke(at, alpha);
            }
        }
    }

    // For every pixel of the canvas inside the drawing: the source pixels that it sees, and their weights.
    readonly struct Taps
    {
        readonly (int Start, float[] Weights)[] _taps;

        public Taps(double offset, double length, int canvas, bool mirrored)
        {
            First = Math.Max(0, (int)Math.Floor(offset));
            Count = Math.Min(canvas, (int)Math.Ceiling(offset + length)) - First;
            _taps = new (int, float[])[Math.Max(0, Count)];
            (FirstSource, LastSource) = (Side, -1);
            var scale = Side / length;
            var support = Math.Max(1, scale);
            for (var i = 0; i < Count; i++)
            {
                var center = (First + i + 0.5 - offset) * scale;
                if (mirrored) center = Side - center;
                var (low, high) = ((int)Math.Floor(center - support), (int)Math.Ceiling(center + support));
                var whole = 0.0;
                for (var t = low; t <= high; t++) whole += Triangle(t, center, support);
                var start = Math.Clamp(low, 0, Side - 1);
                var weights = new float[Math.Clamp(high, start, Side - 1) - start + 1];
                // Beyond the border the drawing is transparent: those weights count, with nothing.
                for (var t = 0; t < weights.Length; t++) weights[t] = (float)(Triangle(start + t, center, support) / whole);
                var end = start + weights.Length - 1;
                _taps[i] = (start, weights);
                (FirstSource, LastSource) = (Math.Min(FirstSource, start), Math.Max(LastSource, end));
            }
        }

        static double Triangle(int pixel, double center, double support) => Math.Max(0, 1 - (Math.Abs(pixel + 0.5 - center) / support));

        public int First { get; }

        public int Count { get; }

        public int FirstSource { get; }

        public int LastSource { get; }

        public (int Start, float[] Weights) this[int index] => _taps[index];
    }
}
