using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>Group normalisation with a scale and a shift a channel, as <c>torch.nn.GroupNorm</c>.</summary>
public sealed class GroupNorm : Module
{
    readonly Weight _weight;
    readonly Weight _bias;
    readonly long _groups;
    readonly double _eps;

    /// <summary>Normalises <paramref name="channels"/> channels in <paramref name="groups"/> groups.</summary>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    public GroupNorm(long groups, long channels, double eps)
    {
        if (groups < 1 || channels % groups != 0)
            throw new ArgumentException($"{channels} channels cannot be split into {groups} groups", nameof(groups));
        _weight = AddWeight("weight", channels);
        _bias = AddWeight("bias", channels);
        _groups = groups;
        _eps = eps;
    }

    /// <summary>Maps [B, C, ...] to the same shape.</summary>
    public Tensor Forward(Tensor x) => nn.functional.group_norm(x, _groups, _weight.Value, _bias.Value, _eps);
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
