using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Swin;

/// <summary>What is added to the attention scores of two tokens of a window, by their relative position and by what lies between them.</summary>
static class RelativePositionBias
{
    // Tokens of pieces of the map that are no neighbours do not see each other; the number is part of the model.
    const float Apart = -100;

    /// <summary>The bias of every pair of tokens.</summary>
    /// <param name="table">[(2 side - 1)², heads].</param>
    /// <param name="side">The window's side.</param>
    /// <param name="shift">The shift of the windows.</param>
    /// <returns>
    /// [kinds, heads, side², side²], queries before keys; with a shift, a bias for each of the four kinds of
    /// <see cref="WindowGrid.Kinds"/>, without, one for all.
    /// </returns>
    public static Tensor FromTable(Tensor table, int side, int shift)
    {
        using var scope = NewDisposeScope();
        var tokens = side * side;
        var bias = table.index_select(0, tensor(PairIndex(side), device: table.device)) // [side⁴, heads]
            .view(1, tokens, tokens, -1).permute(0, 3, 1, 2); // [1, heads, side², side²]
        if (shift > 0) bias = bias + tensor(PairMasks(side, shift)).view(4, 1, tokens, tokens).to(table.dtype, table.device);
        return bias.contiguous().MoveToOuterDisposeScope();
    }

    // The table's row for every pair: the query's position minus the key's.
    static long[] PairIndex(int side)
    {
        var tokens = side * side;
        var index = new long[tokens * tokens];
        for (var q = 0; q < tokens; q++)
            for (var k = 0; k < tokens; k++)
                index[(q * tokens) + k] = (((q / side) - (k / side) + side - 1) * ((2 * side) - 1)) + (q % side) - (k % side) + side - 1;
        return index;
    }

    static float[] PairMasks(int side, int shift)
    {
        var tokens = side * side;
        var masks = new float[4 * tokens * tokens];
        for (var kind = 0; kind < 4; kind++)
            for (var q = 0; q < tokens; q++)
                for (var k = 0; k < tokens; k++)
                    if (Piece(kind, q) != Piece(kind, k)) masks[(((kind * tokens) + q) * tokens) + k] = Apart;
        return masks;

        // The last rows and columns of the rolled map came from its other end.
        int Piece(int kind, int token) =>
            ((kind & 2) != 0 && token / side >= side - shift ? 2 : 0) + ((kind & 1) != 0 && token % side >= side - shift ? 1 : 0);
    }
}
