using Cones.Models.Layers.Kernels;
using Cones.Models.Layers.Kernels.Products;
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

    /// <summary>W, [out, in].</summary>
    internal Tensor Matrix => _weight.Value;

    /// <summary>b, [out], or null.</summary>
    internal Tensor? Bias => _bias?.Value;

    /// <summary>Frozen weights packed for <c>x Wᵀ</c>, or <c>y W</c>; made once.</summary>
    internal PackedMatrix Packed(bool transposed) => transposed
        ? new PackedMatrix(_weight.Derived("packed_transposed", w => PackedMatrix.Pack(w, true)), _weight.Shape[1], _weight.Shape[0])
        : new PackedMatrix(_weight.Derived("packed", w => PackedMatrix.Pack(w, false)), _weight.Shape[0], _weight.Shape[1]);

    /// <summary>Maps [..., in] to [..., out].</summary>
    public Tensor Forward(Tensor x) => Product(x, _weight.Value, _bias?.Value);

    /// <summary><c>x Wᵀ + b</c> for weights that are not a layer's own, e.g. a view of a kernel.</summary>
    internal static Tensor Product(Tensor x, Tensor weight, Tensor? bias) =>
        LinearFunction.Accepts(x, weight, bias) ? LinearFunction.Apply(x, weight, bias) : nn.functional.linear(x, weight, bias);
}
