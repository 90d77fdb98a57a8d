using Cones.Data;
using Cones.Data.Masks;
using Cones.Models.Imaging;
using Cones.Tasks.Segmentation;
using TorchSharp;

namespace Cones.Tests.Tasks.Segmentation;

/// <summary>Masks on the grids of models, against sums over pixels.</summary>
public sealed class MaskPatchTests
{
    [Theory]
    [InlineData(40, 30, 10, 10, 10, 7.5)] // a padded part, cells of 4 pixels
    [InlineData(40, 30, 7, 9, 9, 7)] // cells of no whole number of pixels
    [InlineData(8, 6, 20, 16, 16, 12)] // several cells a pixel
    [InlineData(1, 1, 4, 4, 4, 4)]
    public void Cells_hold_the_share_that_is_covered(int width, int height, int gridWidth, int gridHeight, double imageHeight, double imageWidth)
    {
        var grid = new MaskGrid(gridHeight, gridWidth, Math.Min(imageHeight, gridHeight), Math.Min(imageWidth, gridWidth));
        var random = new Random(width);
        var pixels = new byte[width * height];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)(random.Next(3) == 0 || pixels.Length == 1 ? 1 : 0);
        var patch = MaskPatch.Of(RleMask.Encode(height, width, pixels), grid);
        using var plane = MaskPatch.Stack([patch], grid, torch.CPU);
        var cells = plane.data<float>().ToArray();
        double sum = 0;
        for (var y = 0; y < grid.Height; y++)
            for (var x = 0; x < grid.Width; x++)
            {
                var expected = Expected(pixels, width, height, grid, x, y);
                Assert.Equal(expected, cells[(y * grid.Width) + x], 1e-5);
                sum += expected;
            }

        // Nothing is lost and nothing is covered twice.
        Assert.Equal(pixels.Sum(p => p) * grid.ImageWidth * grid.ImageHeight / (width * height), sum, 1e-6);
    }

    [Fact]
    public void An_empty_mask_covers_nothing_and_a_full_one_everything_but_padding()
    {
        var grid = MaskGrid.Padded(16, new ImageSize(64, 64), new ImageSize(64, 32));
        Assert.Equal(0, MaskPatch.Of(new RleMask(10, 5, [50]), grid).Height);
        var full = MaskPatch.Of(new RleMask(10, 5, [0, 50]), grid);
        Assert.Equal((0, 0, 16, 8), (full.Top, full.Left, full.Height, full.Width));
        Assert.All(full.Coverage.ToArray(), c => Assert.Equal(1, c, 1e-6));
    }

    [Fact]
    public void Parts_that_touch_by_a_corner_are_one()
    {
        string[] rows = ["##......", "##..#...", "..#..#..", "......#.", "#.......", "#.#.....", "..##...."];
        var mask = RleMask.Encode(rows.Length, 8, [.. rows.SelectMany(r => r.Select(c => (byte)(c == '#' ? 1 : 0)))]);
        var parts = ConnectedComponents.Of(mask);
        Assert.Equal([5L, 2, 3, 3], parts.Select(p => p.Area));
        Assert.Equal(mask.Area, parts.Sum(p => p.Area));
        Assert.Equal(mask.Counts.ToArray(), RleMask.Merge([.. parts]).Counts.ToArray());
        Assert.Empty(ConnectedComponents.Of(new RleMask(3, 3, [9])));
    }

    [Fact]
    public void Tensors_become_the_masks_that_pixels_become()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(3);
        var values = torch.rand([5, 7, 9], generator: generator) > 0.5;
        values[4].fill_(false);
        values[3].fill_(true);
        var masks = TensorMasks.Encode(values);
        for (var i = 0; i < 5; i++)
            Assert.Equal(RleMask.Encode(7, 9, [.. values[i].flatten().data<bool>().Select(v => (byte)(v ? 1 : 0))]).Counts.ToArray(), masks[i].Counts.ToArray());
    }

    // The covered area of a cell.
    static double Expected(byte[] pixels, int width, int height, MaskGrid grid, int cellX, int cellY)
    {
        double sum = 0;
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                if (pixels[(y * width) + x] != 0)
                    sum += Common(x * grid.ImageWidth / width, (x + 1) * grid.ImageWidth / width, cellX) * Common(y * grid.ImageHeight / height, (y + 1) * grid.ImageHeight / height, cellY);
        return sum;
    }

    static double Common(double low, double high, int cell) => Math.Max(0, Math.Min(high, cell + 1) - Math.Max(low, cell));
}
