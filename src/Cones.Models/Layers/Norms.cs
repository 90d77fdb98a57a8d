using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>
/// Group normalisation with a scale and a shift a channel, as <c>torch.nn.GroupNorm</c>, and the activation that follows it.
/// </summary>
public sealed class GroupNorm : Module
{
    readonly Weight _weight;
    readonly Weight _bias;
    readonly long _groups;
    readonly double _eps;
    readonly bool _silu;
    readonly Func<Tensor, Tensor>? _activation;

    /// <summary>Normalises <paramref name="channels"/> channels in <paramref name="groups"/> groups.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="channels">The channels.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="activation">What is applied to the result, by its name in <see cref="Activations"/>; null for nothing.</param>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    /// <exception cref="NotSupportedException">The activation is not known.</exception>
    public GroupNorm(long groups, long channels, double eps, string? activation = null)
    {
        if (groups < 1 || channels % groups != 0)
            throw new ArgumentException($"{channels} channels cannot be split into {groups} groups", nameof(groups));
        _weight = AddWeight("weight", channels);
        _bias = AddWeight("bias", channels);
        _groups = groups;
        _eps = eps;
        _silu = Activations.IsSilu(activation);
        _activation = activation is null ? null : Activations.Named(activation);
    }

    /// <summary>Maps [B, C, ...] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        if ((_silu || _activation is null) && GroupNormFunction.Accepts(x, _weight.Value, _bias.Value))
            return GroupNormFunction.Apply(x, _weight.Value, _bias.Value, _groups, _eps, _silu);
        var normed = nn.functional.group_norm(x, _groups, _weight.Value, _bias.Value, _eps);
        if (_activation is null) return normed;
        using (normed) return _activation(normed);
    }
}

/// <summary>Normalisation of the last dimension, as <c>torch.nn.LayerNorm</c>.</summary>
public sealed class LayerNorm : Module
{
    readonly Weight _weight;
    readonly Weight _bias;
    readonly long[] _shape;
    readonly double _eps;

    /// <summary>Normalises the last dimension of <paramref name="dim"/> elements.</summary>
    public LayerNorm(long dim, double eps = 1e-5)
    {
        _weight = AddWeight("weight", dim);
        _bias = AddWeight("bias", dim);
        _shape = [dim];
        _eps = eps;
    }

    /// <summary>Maps [..., dim] to the same shape.</summary>
    public Tensor Forward(Tensor x) => nn.functional.layer_norm(x, _shape, _weight.Value, _bias.Value, _eps);
}
