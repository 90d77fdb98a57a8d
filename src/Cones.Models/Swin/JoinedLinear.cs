using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Swin;

/// <summary>Linear layers of one input as one matrix product; their outputs come one after the other.</summary>
/// <param name="weights">[out, in] each.</param>
/// <param name="biases">[out] each; empty for none.</param>
sealed class JoinedLinear(IReadOnlyList<Weight> weights, IReadOnlyList<Weight> biases)
{
    /// <summary>Maps [..., in] to [..., sum of the outs].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return nn.functional.linear(x, Joined(weights)!, Joined(biases)).MoveToOuterDisposeScope();
    }

    // Frozen parts are joined once.
    static Tensor? Joined(IReadOnlyList<Weight> parts)
    {
        if (parts.Count < 2) return parts.Count == 0 ? null : parts[0].Value;
        return parts.Any(p => p.Value.requires_grad) ? Join() : parts[0].Derived($"joined {string.Join(",", parts.Select(p => p.Version))}", _ => Join());

        Tensor Join() => cat([.. parts.Select(p => p.Value)]);
    }
}
