using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary><c>y = x Wᵀ + b</c>, as <c>torch.nn.Linear</c>.</summary>
public sealed class Linear : Module
{
    readonly Weight _weight;
    readonly Weight? _bias;

    /// <summary>A layer from <paramref name="inFeatures"/> to <paramref name="outFeatures"/>.</summary>
    public Linear(long inFeatures, long outFeatures, bool bias = true)
    {
        _weight = AddWeight("weight", outFeatures, inFeatures);
        _bias = bias ? AddWeight("bias", outFeatures) : null;
    }

    /// <summary>Maps [..., in] to [..., out].</summary>
    public Tensor Forward(Tensor x) => Product(x, _weight.Value, _bias?.Value);

    /// <summary><c>x Wᵀ + b</c> for weights that are not a layer's own, e.g. a view of a kernel.</summary>
    internal static Tensor Product(Tensor x, Tensor weight, Tensor? bias) =>
        LinearFunction.Accepts(x, weight, bias) ? LinearFunction.Apply(x, weight, bias) : nn.functional.linear(x, weight, bias);
}
