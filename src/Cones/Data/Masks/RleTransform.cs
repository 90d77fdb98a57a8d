using Cones.Models.Imaging;

namespace Cones.Data.Masks;

/// <summary>
/// Moves masks without decoding them: each column of the result is a column of the source whose rows are mapped in ascending
/// order. The effort grows with the runs, not with the pixels.
/// </summary>
static class RleTransform
{
    internal static RleMask FlipHorizontal(RleMask mask)
    {
        var columns = new int[mask.Width];
        for (var x = 0; x < columns.Length; x++) columns[x] = mask.Width - 1 - x;
        var rows = new int[mask.Height + 1];
        for (var y = 0; y < rows.Length; y++) rows[y] = y;
        return Map(mask, mask.Height, columns, rows);
    }

    internal static RleMask Crop(RleMask mask, int x, int y, ImageSize part)
    {
        if (x < 0 || y < 0 || part.Width < 1 || part.Height < 1 || part.Width > mask.Width - x || part.Height > mask.Height - y)
            throw new ArgumentException($"a part of {part} (height x width) at ({x},{y}) does not lie inside a mask of {mask.Height}x{mask.Width}");
        var columns = new int[part.Width];
        for (var i = 0; i < columns.Length; i++) columns[i] = x + i;
        var rows = new int[mask.Height + 1];
        for (var row = 0; row < rows.Length; row++) rows[row] = Math.Clamp(row - y, 0, part.Height);
        return Map(mask, part.Height, columns, rows);
    }

    internal static RleMask Resize(RleMask mask, ImageSize to)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(to.Width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(to.Height, 1);
        if (to.Width == mask.Width && to.Height == mask.Height) return mask;
        var source = Nearest(mask.Height, to.Height);
        var rows = new int[mask.Height + 1];
        for (int row = 0, y = 0; row < rows.Length; row++)
        {
            while (y < source.Length && source[y] < row) y++;
            rows[row] = y;
        }

        return Map(mask, to.Height, Nearest(mask.Width, to.Width), rows);
    }

    // The coordinate is a running sum, as in Pillow: its rounding decides where it meets a whole number.
    static int[] Nearest(int from, int to)
    {
        var scale = (double)from / to;
        var position = scale * 0.5;
        var indices = new int[to];
        for (var i = 0; i < to; i++, position += scale) indices[i] = Math.Min(from - 1, (int)position);
        return indices;
    }

    /// <summary>Builds the result.</summary>
    /// <param name="mask">The source.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="columns">For each column of the result the one of the source.</param>
    /// <param name="rows">For each row of the source, and one behind the last, the first row of the result that it or a later row fills.</param>
    static RleMask Map(RleMask mask, int height, int[] columns, int[] rows)
    {
        var intervals = Columns(mask);
        var runs = new RunBuilder(height, columns.Length);
        for (var x = 0; x < columns.Length; x++)
            foreach (var (start, end) in intervals[columns[x]] ?? [])
                runs.AppendInterval(((long)x * height) + rows[start], ((long)x * height) + rows[end]);
        return runs.ToMask();
    }

    // The rows inside of each column as half-open intervals; null for a column without any.
    static List<(int Start, int End)>?[] Columns(RleMask mask)
    {
        var columns = new List<(int, int)>?[mask.Width];
        foreach (var (x, y, length) in mask.ColumnRuns()) (columns[x] ??= []).Add((y, y + length));
        return columns;
    }
}
