using Cones.Models.Layers;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Training;

/// <summary>Start weights for training from scratch.</summary>
static class Initialization
{
    // What a residual branch adds at the end: small at the start, so that depth does not matter then.
    static readonly string[] s_branchEnds = ["conv2.weight", "to_out.0.weight", "ff.net.2.weight", "proj_out.weight", "out_proj.weight", "fc2.weight"];

    /// <summary>Random weights with short residual branches.</summary>
    /// <param name="module">The model.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">The model's name.</param>
    public static void Fill(Module module, long seed, string stream)
    {
        RandomWeights.Fill(module, SeedSequence.Derive(seed, $"weights.{stream}"));
        foreach (var (name, weight) in module.NamedWeights())
            if (Array.Exists(s_branchEnds, e => name.EndsWith(e, StringComparison.Ordinal)))
                Scale(weight, 0.2);
    }

    /// <summary>Multiplies a weight's values.</summary>
    public static void Scale(Weight weight, double factor)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        weight.Assign(weight.Value * factor);
    }
}
