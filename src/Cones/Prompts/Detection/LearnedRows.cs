using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>Vectors of several places, one below the other, as a start that stays and moves that are learned.</summary>
sealed class LearnedRows : IDisposable
{
    readonly Tensor _start;

    /// <summary>Rows that have not moved.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="parts">For each place [n, L].</param>
    /// <param name="device">Where they live.</param>
    public LearnedRows(string name, IReadOnlyList<Tensor> parts, Device device)
    {
        using var scope = NewDisposeScope();
        Counts = [.. parts.Select(p => (int)p.shape[0])];
        _start = cat([.. parts.Select(p => p.detach().to(ScalarType.Float32, device))], 0).clone().DetachFromDisposeScope(); // [sum of n, L]
        Moves = zeros_like(_start).requires_grad_().DetachFromDisposeScope();
        Parameter = new(name + "_moves", Moves);
    }

    /// <summary>The rows of each place.</summary>
    public IReadOnlyList<int> Counts { get; }

    /// <summary>What is learned, [sum of n, L].</summary>
    public Tensor Moves { get; }

    /// <summary>The same with its name.</summary>
    public KeyValuePair<string, Tensor> Parameter { get; }

    /// <summary>The rows as they are now, [sum of n, L], with a graph to the moves.</summary>
    public Tensor Now() => _start + Moves;

    /// <summary>The rows of each place, without graph, in the caller's dispose scope.</summary>
    public IReadOnlyList<Tensor> ToParts()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var now = Now();
        var (parts, first) = (new List<Tensor>(), 0);
        foreach (var count in Counts)
        {
            parts.Add(now.narrow(0, first, count).clone().MoveToOuterDisposeScope());
            first += count;
        }

        return parts;
    }

    /// <summary>Shortens rows that are longer than a norm to it.</summary>
    public void Bound(double norm)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var now = Now();
        Moves.copy_((now * (norm / now.norm(-1, keepdim: true).clamp_min(1e-12)).clamp_max(1)) - _start); // [n, L] x [n, 1]
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _start.Dispose();
        Moves.Dispose();
    }
}
