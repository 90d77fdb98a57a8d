using Cones.Models.GroundingDino;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>Grounding DINO tiny's published shape with random weights.</summary>
static class GroundingDinoShapes
{
    /// <summary>Grounding DINO tiny, 172,249,090 parameters: the defaults of the configuration.</summary>
    public static GroundingDinoConfig Tiny { get; } = new();

    /// <summary>A model whose activations have the sizes of a trained one's, so that attention reads as scattered memory.</summary>
    public static GroundingDinoModel RandomTiny(ulong seed)
    {
        var model = new GroundingDinoModel(Tiny);
        RandomWeights.Fill(model, seed);
        using var noGrad = no_grad();
        foreach (var (name, weight) in model.NamedWeights())
        {
            using var scope = NewDisposeScope();
            if (name.EndsWith("vision_param", StringComparison.Ordinal) || name.EndsWith("text_param", StringComparison.Ordinal)) weight.Value.fill_(0.3);
            if (name.EndsWith("sampling_offsets.bias", StringComparison.Ordinal)) weight.Value.copy_(Directions(8, Tiny.NumFeatureLevels, 4));
        }

        return model;
    }

    // As initialised: each head looks in its own direction, one to four pixels far. [heads, levels, points, 2], flat.
    static Tensor Directions(int heads, int levels, int points)
    {
        var angles = arange(heads, ScalarType.Float32) * (2 * Math.PI / heads);
        var directions = stack([angles.cos(), angles.sin()], -1);
        directions = directions / directions.abs().amax([-1], keepdim: true);
        var distances = arange(1, points + 1, ScalarType.Float32).view(1, 1, points, 1);
        return (directions.view(heads, 1, 1, 2) * distances).expand(heads, levels, points, 2).flatten();
    }
}
