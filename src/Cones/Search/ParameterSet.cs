using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search;

/// <summary>The parameters of a problem, checked once, and copies of them.</summary>
sealed class ParameterSet
{
    readonly Tensor[] _tensors;

    /// <summary>Takes the parameters of a problem.</summary>
    /// <exception cref="ArgumentException">They are not named float32 leaves that require gradients.</exception>
    public ParameterSet(IReadOnlyList<KeyValuePair<string, Tensor>> parameters)
    {
        if (parameters.Count == 0) throw new ArgumentException("the problem has no parameters: there is nothing to search", nameof(parameters));
        foreach (var (name, tensor) in parameters)
            if (tensor.dtype != ScalarType.Float32 || !tensor.is_leaf || !tensor.requires_grad)
                throw new ArgumentException($"the parameter '{name}' ({tensor.dtype}, leaf: {tensor.is_leaf}, requires_grad: {tensor.requires_grad}) is no float32 leaf that requires gradients", nameof(parameters));
        if (parameters.GroupBy(p => p.Key).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ArgumentException($"{twice.Count()} parameters are named '{twice.Key}'", nameof(parameters));
        Named = parameters;
        _tensors = [.. parameters.Select(p => p.Value)];
    }

    public IReadOnlyList<KeyValuePair<string, Tensor>> Named { get; }

    /// <summary>Copies outside any dispose scope, on the parameters' device.</summary>
    public Tensor[] Clone()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [.. _tensors.Select(t => t.detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>Overwrites the parameters.</summary>
    public void CopyFrom(IReadOnlyList<Tensor> values)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < _tensors.Length; i++) _tensors[i].copy_(values[i]);
    }

    /// <summary>Overwrites copies of the parameters with their present values.</summary>
    public void CopyTo(IReadOnlyList<Tensor> copies)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < _tensors.Length; i++) copies[i].copy_(_tensors[i]);
    }

    /// <summary>The gradients, in the caller's dispose scope; null where there is none.</summary>
    public Tensor?[] Gradients() => [.. _tensors.Select(t => t.grad)];

    /// <summary>Frees the gradients.</summary>
    public void ClearGradients()
    {
        foreach (var tensor in _tensors) tensor.grad = null;
    }
}
