using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Segmentation;

/// <summary>
/// Tokens of each class: searched (concepts), partly searched, or fixed (names as the text encoder reads them; no tokens at all, where a
/// box says what is meant).
/// </summary>
public sealed class TokensPrompt : ISegmentationPrompt
{
    readonly Tensor _fixed;
    readonly Tensor? _searched;
    readonly TokenTable _table;

    TokensPrompt(string method, Tensor fixedRows, Tensor? searched, TokenTable table)
    {
        (Method, _fixed, _searched, _table) = (method, fixedRows, searched, table);
        Parameters = searched is null ? [] : [new("concept", searched)];
    }

    /// <inheritdoc/>
    public string Method { get; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int TemplateCount => _table.Rows.Count;

    /// <summary>Tokens that are not searched.</summary>
    /// <param name="classes">The tokens of each class, [n, C]; n may be 0 and differ.</param>
    /// <param name="device">Where they are used.</param>
    public static TokensPrompt Fixed(IReadOnlyList<Tensor> classes, Device device)
    {
        using var scope = NewDisposeScope();
        return new TokensPrompt("text", Join(classes, device), null, new TokenTable(TokenTable.Consecutive(classes.Select(c => (int)c.shape[0])), device));
    }

    /// <summary>Tokens that are searched.</summary>
    /// <param name="initial">What each class starts from, [n, C], n of at least 1.</param>
    /// <param name="device">Where they are used.</param>
    /// <param name="starts">A row before those of each class that is never searched, [1, C], the same for all; or null.</param>
    /// <exception cref="ArgumentException">A class has no token.</exception>
    public static TokensPrompt Searched(IReadOnlyList<Tensor> initial, Device device, Tensor? starts = null)
    {
        if (initial.Any(i => i.dim() != 2 || i.shape[0] == 0)) throw new ArgumentException("every class needs at least one token [n,C]", nameof(initial));
        using var scope = NewDisposeScope();
        var searched = Join(initial, device).requires_grad_();
        var offset = starts is null ? 0 : 1;
        IReadOnlyList<long>[] rows = [.. TokenTable.Consecutive(initial.Select(i => (int)i.shape[0])).Select(r => (IReadOnlyList<long>)[.. Enumerable.Repeat(0L, offset), .. r.Select(i => i + offset)])];
        return new TokensPrompt("concept", starts is null ? Empty(searched) : Join([starts], device), searched, new TokenTable(rows, device));
    }

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        var built = _table.Take(Table(), templates);
        return new Conditioning { Embeddings = built.Embeddings.MoveToOuterDisposeScope(), Mask = built.Mask!.MoveToOuterDisposeScope() };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [.. _table.Split(Table()).Select(t => t.MoveToOuterDisposeScope())];
    }

    /// <inheritdoc/>
    public void Project()
    {
        // No bounds.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _fixed.Dispose();
        _searched?.Dispose();
        _table.Dispose();
    }

    Tensor Table() => _searched is null ? _fixed.alias() : cat([_fixed, _searched], 0);

    static Tensor Join(IReadOnlyList<Tensor> rows, Device device) =>
        cat([.. rows.Select(r => r.detach().to(ScalarType.Float32, device))], 0).clone().DetachFromDisposeScope();

    static Tensor Empty(Tensor like) => zeros([0, like.shape[1]], ScalarType.Float32, like.device).DetachFromDisposeScope();
}
