using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Segmentation;

/// <summary>Where the rows of classes of different lengths lie in one table, and how they are filled up to one length.</summary>
sealed class TokenTable : IDisposable
{
    readonly Tensor _order;
    readonly Tensor _mask;

    /// <summary>A layout.</summary>
    /// <param name="rows">For each class the places of its rows in the table; any number, 0 too.</param>
    /// <param name="device">Where the table is.</param>
    public TokenTable(IReadOnlyList<IReadOnlyList<long>> rows, Device device)
    {
        Rows = rows;
        Length = rows.Max(r => r.Count);
        var order = new long[rows.Count * Length];
        var mask = new long[order.Length];
        for (var c = 0; c < rows.Count; c++)
            for (var i = 0; i < rows[c].Count; i++) (order[(c * Length) + i], mask[(c * Length) + i]) = (rows[c][i], 1);
        using var scope = NewDisposeScope();
        _order = tensor(order, [rows.Count, Length], device: device).DetachFromDisposeScope();
        _mask = tensor(mask, [rows.Count, Length], device: device).DetachFromDisposeScope();
    }

    /// <summary>The places of each class's rows.</summary>
    public IReadOnlyList<IReadOnlyList<long>> Rows { get; }

    /// <summary>The rows of the longest class.</summary>
    public int Length { get; }

    /// <summary>The rows of some classes out of a table [R, C]: embeddings [B, T, C] with their mask [B, T]. Padding repeats the first row of the table.</summary>
    public Conditioning Take(Tensor table, ReadOnlySpan<int> classes)
    {
        using var scope = NewDisposeScope();
        var chosen = tensor(Array.ConvertAll(classes.ToArray(), c => (long)c), device: table.device);
        var order = _order.index_select(0, chosen); // [B, T]
        return new Conditioning
        {
            Embeddings = table.index_select(0, order.flatten()).view(classes.Length, Length, table.shape[1]).MoveToOuterDisposeScope(),
            Mask = _mask.index_select(0, chosen).MoveToOuterDisposeScope(),
        };
    }

    /// <summary>The rows of each class, [n, C], copies without graph.</summary>
    public IReadOnlyList<Tensor> Split(Tensor table)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [.. Rows.Select(r => table.detach().index_select(0, tensor(r.ToArray(), [r.Count], ScalarType.Int64, device: table.device)).MoveToOuterDisposeScope())];
    }

    /// <summary>Rows that follow one another, class after class.</summary>
    public static IReadOnlyList<IReadOnlyList<long>> Consecutive(IEnumerable<int> counts)
    {
        var rows = new List<IReadOnlyList<long>>();
        var first = 0L;
        foreach (var count in counts)
        {
            var start = first;
            rows.Add([.. Enumerable.Range(0, count).Select(i => start + i)]);
            first += count;
        }

        return rows;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _order.Dispose();
        _mask.Dispose();
    }
}
