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

    /// <summary>Maps [..., in] to [..., out].</summary>
    public Tensor Forward(Tensor x) => nn.functional.linear(x, _weight.Value, _bias?.Value);
}
