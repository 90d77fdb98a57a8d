using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam;

/// <summary>Random Fourier features of positions (<c>SamPositionalEmbedding</c>; Tancik et al. 2020), for pixels of the image and of prompts.</summary>
/// <remarks>
/// The frequencies are a constant of the checkpoint: they are never trained. They and the angles, of many turns, are float32 whatever
/// the model's type is.
/// </remarks>
sealed class SamPositionalEmbedding : Module
{
    readonly Weight _frequencies;

    public SamPositionalEmbedding(SamVisionConfig c) => _frequencies = AddWeight("positional_embedding", new Weight(2, c.NumPosFeats) { KeepsSinglePrecision = true });

    /// <summary>Maps places (x, y) in 0..1, [..., 2], to [..., C] of a type.</summary>
    public Tensor Forward(Tensor places, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var frequencies = _frequencies.Value.detach();
        var angles = (2 * Math.PI) * ((2 * places.to(ScalarType.Float32)) - 1).matmul(frequencies.to(ScalarType.Float32)); // [..., C / 2]
        return cat([angles.sin(), angles.cos()], dim: -1).to(type).MoveToOuterDisposeScope();
    }

    /// <summary>The encoding of the middle of every token of a grid, [1, C, side, side] of a type; kept, and owned by this layer.</summary>
    public Tensor Grid(long side, ScalarType type) => _frequencies.Derived($"grid {side} {type}", _ => MakeGrid(side, type));

    Tensor MakeGrid(long side, ScalarType type)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var middles = (arange(side, dtype: ScalarType.Float32, device: _frequencies.Value.device) + 0.5) / side; // [side]
        var places = stack([middles.expand(side, -1), middles.unsqueeze(1).expand(-1, side)], dim: -1); // [y, x, (x, y)]
        return Forward(places, type).permute(2, 0, 1).unsqueeze(0).MoveToOuterDisposeScope();
    }
}
