using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Vision;

/// <summary>A learned vector for each row and each column (<c>GroundingDinoLearnedPositionEmbedding</c>).</summary>
sealed class LearnedPositions : Module
{
    const int Size = 50;

    readonly Embedding _rows;
    readonly Embedding _columns;

    public LearnedPositions(long dim)
    {
        _rows = Add("row_embeddings", new Embedding(Size, dim / 2));
        _columns = Add("column_embeddings", new Embedding(Size, dim / 2));
    }

    /// <summary>The embedding of a map, [1, H, W, D]: columns in the first half of the channels.</summary>
    /// <exception cref="ArgumentException">The map has more than 50 rows or columns.</exception>
    public Tensor Forward(FeatureLevel level)
    {
        var (height, width) = (level.Height, level.Width);
        if (height > Size || width > Size)
            throw new ArgumentException($"a feature map has {height} x {width} positions, but the model has learned {Size} x {Size}: give smaller images");
        using var scope = NewDisposeScope();
        var columns = _columns.Table.narrow(0, 0, width).unsqueeze(0).expand(height, -1, -1); // [W, D/2] -> [H, W, D/2]
        var rows = _rows.Table.narrow(0, 0, height).unsqueeze(1).expand(-1, width, -1); // [H, D/2] -> [H, W, D/2]
        return cat([columns, rows], -1).unsqueeze(0).MoveToOuterDisposeScope();
    }
}
