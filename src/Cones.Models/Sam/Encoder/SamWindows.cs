using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Encoder;

/// <summary>Cuts a grid of tokens into windows and puts it together again.</summary>
static class SamWindows
{
    /// <summary>
    /// Cuts [B, H, W, C] into [B · windows, size, size, C]. Where the size does not divide the grid, zeros are added below and on the
    /// right: they are tokens like others to the attention.
    /// </summary>
    public static Tensor Partition(Tensor grid, long size)
    {
        var (batch, height, width, channels) = (grid.shape[0], grid.shape[1], grid.shape[2], grid.shape[3]);
        var (rows, columns) = (Count(height, size), Count(width, size));
        var (below, right) = ((rows * size) - height, (columns * size) - width);
        if (below + right > 0) grid = nn.functional.pad(grid, [0, 0, 0, right, 0, below]);
        return grid.view(batch, rows, size, columns, size, channels).permute(0, 1, 3, 2, 4, 5) // [B, rows, columns, size, size, C]
            .reshape(-1, size, size, channels);
    }

    /// <summary>Puts the windows of <see cref="Partition"/> together to [B, height, width, C], without what was added.</summary>
    public static Tensor Merge(Tensor windows, long height, long width)
    {
        var (size, channels) = (windows.shape[1], windows.shape[3]);
        var (rows, columns) = (Count(height, size), Count(width, size));
        return windows.view(-1, rows, columns, size, size, channels).permute(0, 1, 3, 2, 4, 5) // [B, rows, size, columns, size, C]
            .reshape(-1, rows * size, columns * size, channels).narrow(1, 0, height).narrow(2, 0, width);
    }

    static long Count(long length, long size) => (length + size - 1) / size;
}
