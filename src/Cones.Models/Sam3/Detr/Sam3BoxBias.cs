using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Detr;

/// <summary>
/// What a query's box adds to its attention to the image: a function of the signed logarithm of the distance to the box's edges, for
/// rows and for columns (<c>_get_rpb_matrix</c>).
/// </summary>
sealed class Sam3BoxBias
{
    readonly Sam3DecoderMlp _columns;
    readonly Sam3DecoderMlp _rows;

    public Sam3BoxBias(Sam3DecoderMlp columns, Sam3DecoderMlp rows)
    {
        _columns = columns;
        _rows = rows;
    }

    /// <summary>
    /// Maps boxes [B, Q, 4] (centre, width, height) to [B, heads, 1 + Q, height · width] in the type of the weights; the presence token in
    /// front has none.
    /// </summary>
    public Tensor Forward(Tensor boxes, long height, long width, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var corners = Sam3Boxes.ToCorners(boxes).unsqueeze(2); // [B, Q, 1, (left, top, right, bottom)]
        var rows = Axis(_rows, corners, (1, height), type).unsqueeze(-1); // [B, heads, 1 + Q, height, 1]
        var columns = Axis(_columns, corners, (0, width), type).unsqueeze(-2); // [B, heads, 1 + Q, 1, width]
        return (rows + columns).flatten(3).MoveToOuterDisposeScope();
    }

    // The distance of each place to both edges, [B, Q, length, 2] -> [B, heads, 1 + Q, length].
    static Tensor Axis(Sam3DecoderMlp mlp, Tensor corners, (long First, long Length) axis, ScalarType type)
    {
        var edges = cat([corners.narrow(-1, axis.First, 1), corners.narrow(-1, axis.First + 2, 1)], dim: -1); // [B, Q, 1, 2]
        var places = (arange(axis.Length, dtype: edges.dtype, device: edges.device) / axis.Length).unsqueeze(-1); // [length, 1]
        var distance = (places - edges) * 8;
        var bias = mlp.Forward((distance.sign() * (distance.abs() + 1).log2() / Math.Log2(8)).to(type)); // [B, Q, length, heads]
        return nn.functional.pad(bias.permute(0, 3, 1, 2), [0, 0, 1, 0]);
    }
}
