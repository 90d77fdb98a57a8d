namespace Cones.Data.Masks;

/// <summary>Polygons to masks as COCO draws them (maskApi.c, <c>rleFrPoly</c>).</summary>
/// <remarks>
/// The outline is drawn five times as large; where it crosses the middle of a pixel column, the mask changes. That is not the
/// even-odd fill of pixel centres: about half of the outline's pixels belong to the mask.
/// </remarks>
static class PolygonRasterizer
{
    const int Scale = 5;

    /// <summary>The largest coordinate: each pixel of an outline takes memory, so that one wrong digit could take all of it.</summary>
    internal const double Limit = 1_000_000;

    /// <summary>Rasterises one polygon.</summary>
    /// <param name="xy">x0, y0, x1, y1, ... in pixels; it may reach beyond the image.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    internal static RleMask Rasterize(ReadOnlySpan<double> xy, int height, int width)
    {
        var crossings = Crossings(Outline(xy), height, width);
        crossings.Sort();
        var runs = new RunBuilder(height, width);
        long position = 0;
        var inside = false;
        foreach (var crossing in crossings)
        {
            runs.Append(inside, crossing - position);
            position = crossing;
            inside = !inside;
        }

        runs.Append(inside, ((long)height * width) - position);
        return runs.ToMask();
    }

    // Every point of the enlarged outline; a corner is given by both of its edges.
    static List<(int X, int Y)> Outline(ReadOnlySpan<double> xy)
    {
        var corners = xy.Length / 2;
        var points = new List<(int, int)>();
        for (var j = 0; j < corners; j++)
        {
            var next = (j + 1) % corners;
            Edge(Enlarge(xy[2 * j]), Enlarge(xy[(2 * j) + 1]), Enlarge(xy[2 * next]), Enlarge(xy[(2 * next) + 1]), points);
        }

        return points;
    }

    static int Enlarge(double value) => (int)((Scale * value) + 0.5);

    static void Edge(int x1, int y1, int x2, int y2, List<(int, int)> points)
    {
        var (dx, dy) = (Math.Abs(x2 - x1), Math.Abs(y2 - y1));
        // Drawn in ascending order, so that both directions give the same points.
        var flip = dx >= dy ? x1 > x2 : y1 > y2;
        if (flip) (x1, y1, x2, y2) = (x2, y2, x1, y1);
        if (dx >= dy)
        {
            var slope = dx == 0 ? 0 : (double)(y2 - y1) / dx;
            for (var d = 0; d <= dx; d++)
            {
                var t = flip ? dx - d : d;
                points.Add((t + x1, (int)(y1 + (slope * t) + 0.5)));
            }
        }
        else
        {
            var slope = (double)(x2 - x1) / dy;
            for (var d = 0; d <= dy; d++)
            {
                var t = flip ? dy - d : d;
                points.Add(((int)(x1 + (slope * t) + 0.5), t + y1));
            }
        }
    }

    // The positions in the order of columns where the outline crosses the middle of a pixel column.
    static List<long> Crossings(List<(int X, int Y)> outline, int height, int width)
    {
        var crossings = new List<long>();
        for (var j = 1; j < outline.Count; j++)
        {
            var (x, y) = outline[j];
            var (previousX, previousY) = outline[j - 1];
            if (x == previousX) continue;
            var column = (((x < previousX ? x : x - 1) + 0.5) / Scale) - 0.5;
            if (Math.Floor(column) != column || column < 0 || column > width - 1) continue;
            var row = ((Math.Min(y, previousY) + 0.5) / Scale) - 0.5;
            crossings.Add(((long)column * height) + (long)Math.Ceiling(Math.Clamp(row, 0, height)));
        }

        return crossings;
    }
}
