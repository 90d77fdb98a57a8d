using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Swin;

/// <summary>
/// How a map of tokens is cut into square windows: padded with zeros right and below, rolled up and left by the shift, cut.
/// </summary>
/// <param name="Height">The map's rows.</param>
/// <param name="Width">The map's columns.</param>
/// <param name="Side">A window's side.</param>
/// <param name="Shift">The shift; 0 for none.</param>
readonly record struct WindowGrid(long Height, long Width, int Side, int Shift)
{
    /// <summary>Windows above each other.</summary>
    public long Rows => (Height + Side - 1) / Side;

    /// <summary>Windows beside each other.</summary>
    public long Columns => (Width + Side - 1) / Side;

    /// <summary>Maps tokens [B, H, W, C] to windows [B rows columns, side², C].</summary>
    public Tensor Split(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (batch, channels) = (x.shape[0], x.shape[3]);
        var (below, right) = ((Rows * Side) - Height, (Columns * Side) - Width);
        if (below + right > 0) x = nn.functional.pad(x, [0, 0, 0, right, 0, below]);
        if (Shift > 0) x = x.roll([-Shift, -Shift], [1, 2]);
        return x.view(batch, Rows, Side, Columns, Side, channels) // [B, rows, side, columns, side, C]
            .transpose(2, 3) // [B, rows, columns, side, side, C]
            .reshape(batch * Rows * Columns, Side * Side, channels).MoveToOuterDisposeScope();
    }

    /// <summary>The inverse of <see cref="Split"/>: maps windows [B rows columns, side², C] to tokens [B, H, W, C].</summary>
    public Tensor Merge(Tensor windows)
    {
        using var scope = NewDisposeScope();
        var channels = windows.shape[2];
        var x = windows.view(-1, Rows, Columns, Side, Side, channels) // [B, rows, columns, side, side, C]
            .transpose(2, 3) // [B, rows, side, columns, side, C]
            .reshape(-1, Rows * Side, Columns * Side, channels);
        if (Shift > 0) x = x.roll([Shift, Shift], [1, 2]);
        return x.narrow(1, 0, Height).narrow(2, 0, Width).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What some windows hold after the roll, counted through rows, columns and samples: 0 one piece of the map, 1 two pieces
    /// beside each other, 2 two above each other, 3 four.
    /// </summary>
    public long[] Kinds(long first, long count)
    {
        var kinds = new long[count];
        if (Shift == 0) return kinds;
        for (var i = 0L; i < count; i++)
        {
            var window = (first + i) % (Rows * Columns);
            kinds[i] = (window / Columns == Rows - 1 ? 2 : 0) + (window % Columns == Columns - 1 ? 1 : 0);
        }

        return kinds;
    }
}
