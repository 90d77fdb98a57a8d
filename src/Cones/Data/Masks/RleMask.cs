using Cones.Models.Imaging;

namespace Cones.Data.Masks;

/// <summary>
/// A mask as run lengths, COCO's form: pixels column after column, a run of zeros first (which may be of length 0), then runs
/// of ones and zeros in turn.
/// </summary>
/// <remarks>Reference: pycocotools' <c>mask</c> module (<c>maskApi.c</c>), with whose results everything here agrees.</remarks>
public sealed class RleMask
{
    readonly uint[] _counts;

    /// <summary>A mask of given runs, which are copied.</summary>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="counts">The runs; their sum is height · width.</param>
    /// <exception cref="ArgumentException">The runs do not add up to the number of pixels.</exception>
    public RleMask(int height, int width, ReadOnlySpan<uint> counts)
        : this(height, width, counts.ToArray())
    {
    }

    internal RleMask(int height, int width, uint[] counts)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        var pixels = (long)height * width;
        if (pixels > uint.MaxValue) throw new ArgumentException($"{height}x{width} pixels are more than run lengths can count", nameof(height));
        long sum = 0;
        foreach (var count in counts) sum += count;
        if (sum != pixels) throw new ArgumentException($"the runs add up to {sum} pixels, {height}x{width} are {pixels}", nameof(counts));
        Height = height;
        Width = width;
        _counts = counts;
    }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>The run lengths, the first of zeros.</summary>
    public ReadOnlySpan<uint> Counts => _counts;

    /// <summary>The number of pixels inside.</summary>
    public long Area
    {
        get
        {
            long area = 0;
            for (var i = 1; i < _counts.Length; i += 2) area += _counts[i];
            return area;
        }
    }

    /// <summary>The smallest box around the pixels inside; [0, 0, 0, 0] of an empty mask.</summary>
    public BoundingBox Box
    {
        get
        {
            long left = Width, right = -1, top = Height, bottom = -1, position = 0;
            for (var i = 0; i < _counts.Length; position += _counts[i++])
            {
                if (i % 2 == 0 || _counts[i] == 0) continue;
                var last = position + _counts[i] - 1;
                var (x1, y1) = (position / Height, position % Height);
                var (x2, y2) = (last / Height, last % Height);
                left = Math.Min(left, x1);
                right = Math.Max(right, x2);
                // A run over several columns reaches their ends.
                top = Math.Min(top, x1 < x2 ? 0 : y1);
                bottom = Math.Max(bottom, x1 < x2 ? Height - 1 : y2);
            }

            return right < 0 ? default : new BoundingBox(left, top, right - left + 1, bottom - top + 1);
        }
    }

    /// <summary>The runs of pixels inside, cut at the ends of columns, from left to right.</summary>
    public IEnumerable<(int X, int Y, int Length)> ColumnRuns()
    {
        long position = 0;
        for (var i = 0; i < _counts.Length; position += _counts[i++])
        {
            if (i % 2 == 0) continue;
            var end = position + _counts[i];
            for (var p = position; p < end;)
            {
                var (x, y) = ((int)(p / Height), (int)(p % Height));
                var length = (int)Math.Min(Height - y, end - p);
                yield return (x, y, length);
                p += length;
            }
        }
    }

    /// <summary>The mask of pixels in rows; every value but 0 is inside.</summary>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="pixels">height · width values, row after row.</param>
    /// <exception cref="ArgumentException">The size and the number of values disagree.</exception>
    public static RleMask Encode(int height, int width, ReadOnlySpan<byte> pixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (pixels.Length != (long)height * width)
            throw new ArgumentException($"{pixels.Length} values given, {height}x{width} pixels need {(long)height * width}", nameof(pixels));
        var runs = new RunBuilder(height, width);
        for (var x = 0; x < width; x++)
            for (int y = 0, at = x; y < height; y++, at += width)
                runs.Append(pixels[at] != 0, 1);
        return runs.ToMask();
    }

    /// <summary>The mask of pixels in columns, as run lengths go; every value but 0 is inside.</summary>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="pixels">height · width values, column after column.</param>
    /// <exception cref="ArgumentException">The size and the number of values disagree.</exception>
    public static RleMask EncodeColumns(int height, int width, ReadOnlySpan<byte> pixels)
    {
        if (pixels.Length != (long)height * width)
            throw new ArgumentException($"{pixels.Length} values given, {height}x{width} pixels need {(long)height * width}", nameof(pixels));
        var counts = new List<uint>();
        for (var inside = false; pixels.Length > 0; inside = !inside)
        {
            var run = inside ? pixels.IndexOf((byte)0) : pixels.IndexOfAnyExcept((byte)0);
            if (run < 0) run = pixels.Length;
            counts.Add((uint)run);
            pixels = pixels[run..];
        }

        return new RleMask(height, width, counts.ToArray());
    }

    /// <summary>The mask of runs as <see cref="ColumnRuns"/> gives them: in the order of columns, without overlap.</summary>
    public static RleMask FromColumnRuns(int height, int width, IEnumerable<(int X, int Y, int Length)> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var builder = new RunBuilder(height, width);
        foreach (var (x, y, length) in runs) builder.AppendInterval(((long)x * height) + y, ((long)x * height) + y + length);
        return builder.ToMask();
    }

    /// <summary>The mask of an image of 0 and other values.</summary>
    public static RleMask Encode(MaskImage mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        return Encode(mask.Height, mask.Width, mask.Values);
    }

    /// <summary>Reads COCO's compressed string; see <see cref="ToCompressed"/>.</summary>
    /// <exception cref="FormatException">It is not such a string, or its runs do not add up to height · width.</exception>
    public static RleMask FromCompressed(int height, int width, string counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        return RleString.Parse(height, width, counts);
    }

    /// <summary>
    /// The runs as COCO's compressed string: characters from '0' (48) with 5 bits each and a bit that says whether more follow;
    /// from the fourth run on the difference to the run two before.
    /// </summary>
    public string ToCompressed() => RleString.Format(_counts);

    /// <summary>The pixels, row after row: 0 outside, <paramref name="inside"/> inside.</summary>
    public byte[] Decode(byte inside = 1)
    {
        var pixels = new byte[checked(Height * Width)];
        long position = 0;
        for (var i = 0; i < _counts.Length; position += _counts[i++])
        {
            if (i % 2 == 0) continue;
            var end = position + _counts[i];
            var (x, y) = ((int)(position / Height), (int)(position % Height));
            for (var p = position; p < end; p++)
            {
                pixels[(y * Width) + x] = inside;
                if (++y < Height) continue;
                y = 0;
                x++;
            }
        }

        return pixels;
    }

    /// <summary>The mask as an image of 0 and 255.</summary>
    public MaskImage ToImage() => new(Width, Height, Decode(255));

    /// <summary>The union of masks of one size, or their intersection.</summary>
    /// <param name="masks">At least one.</param>
    /// <param name="intersect">Whether a pixel must be inside of all masks instead of any.</param>
    /// <exception cref="ArgumentException">There is no mask or the sizes differ.</exception>
    public static RleMask Merge(IReadOnlyList<RleMask> masks, bool intersect = false)
    {
        ArgumentNullException.ThrowIfNull(masks);
        if (masks.Count == 0) throw new ArgumentException("there is no mask to merge", nameof(masks));
        var merged = masks[0];
        foreach (var mask in masks.Skip(1)) merged = RleOverlap.Merge(merged, mask, intersect);
        return merged;
    }

    /// <summary>Intersection over union with another mask of the same size; 0 where both are empty.</summary>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public double Iou(RleMask other)
    {
        ArgumentNullException.ThrowIfNull(other);
        RleOverlap.RequireSameSize(this, other);
        var (intersection, union) = RleOverlap.Count(this, other);
        return union == 0 ? 0 : (double)intersection / union;
    }
}
