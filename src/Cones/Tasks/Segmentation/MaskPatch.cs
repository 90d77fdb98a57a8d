using Cones.Data.Masks;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>
/// A mask on the grid of a model's masks: how much of each cell it covers, kept for the cells around it only. It is made from run lengths;
/// the picture's pixels are never laid out, whatever its size.
/// </summary>
public sealed class MaskPatch
{
    readonly float[] _coverage;

    MaskPatch(int top, int left, int height, int width, float[] coverage) =>
        (Top, Left, Height, Width, _coverage) = (top, left, height, width, coverage);

    /// <summary>The first row.</summary>
    public int Top { get; }

    /// <summary>The first column.</summary>
    public int Left { get; }

    /// <summary>Rows; 0 of an empty mask.</summary>
    public int Height { get; }

    /// <summary>Columns; 0 of an empty mask.</summary>
    public int Width { get; }

    /// <summary>The covered share of each cell, 0 to 1, row after row.</summary>
    public ReadOnlySpan<float> Coverage => _coverage;

    /// <summary>The mask on a grid.</summary>
    public static MaskPatch Of(RleMask mask, MaskGrid grid)
    {
        ArgumentNullException.ThrowIfNull(mask);
        var (scaleX, scaleY) = (grid.ImageWidth / mask.Width, grid.ImageHeight / mask.Height);
        var box = mask.Box;
        if (!box.HasExtent) return new MaskPatch(0, 0, 0, 0, []);
        var (left, top) = (Floor(box.X * scaleX, grid.Width), Floor(box.Y * scaleY, grid.Height));
        var (right, bottom) = (Ceiling(box.Right * scaleX, grid.Width), Ceiling(box.Bottom * scaleY, grid.Height));
        var (height, width) = (bottom - top, right - left);
        var sums = new double[height * width];
        foreach (var (x, y, length) in mask.ColumnRuns())
            Cover(sums, width, (x * scaleX) - left, ((x + 1) * scaleX) - left, (y * scaleY) - top, ((y + length) * scaleY) - top);
        return new MaskPatch(top, left, height, width, Array.ConvertAll(sums, s => (float)Math.Min(s, 1)));
    }

    /// <summary>Masks side by side, [n, H, W] float32 of 0 to 1.</summary>
    public static Tensor Stack(IReadOnlyList<MaskPatch> patches, MaskGrid grid, Device device)
    {
        ArgumentNullException.ThrowIfNull(patches);
        var cells = grid.Height * grid.Width;
        var values = new float[checked(patches.Count * cells)];
        for (var n = 0; n < patches.Count; n++)
        {
            var patch = patches[n];
            for (var row = 0; row < patch.Height; row++)
                patch.Coverage.Slice(row * patch.Width, patch.Width).CopyTo(values.AsSpan((n * cells) + ((patch.Top + row) * grid.Width) + patch.Left));
        }

        return tensor(values, [patches.Count, grid.Height, grid.Width], device: device);
    }

    // The area that a rectangle has in common with each cell.
    static void Cover(double[] sums, int width, double left, double right, double top, double bottom)
    {
        var height = sums.Length / width;
        for (var y = Math.Max(0, (int)top); y < bottom && y < height; y++)
        {
            var vertical = Math.Min(bottom, y + 1) - Math.Max(top, y);
            for (var x = Math.Max(0, (int)left); x < right && x < width; x++)
                sums[(y * width) + x] += vertical * Math.Max(0, Math.Min(right, x + 1) - Math.Max(left, x));
        }
    }

    static int Floor(double value, int limit) => Math.Clamp((int)Math.Floor(value), 0, limit - 1);

    static int Ceiling(double value, int limit) => Math.Clamp((int)Math.Ceiling(value), 1, limit);
}
