using Cones.Models;
using Cones.Models.Glip;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>Start weights and learning rates. GLIP's own start is far too slow from scratch, and its text collapses.</summary>
static class DetectorWeights
{
    // Text layers begin as the identity, and learn slower than the picture's: else all words become one.
    const double TextRate = 0.3;

    // Logits are divided by e^-2 instead of 1; boxes are 8 times what the last layer says.
    const float LogScale = -2;
    const float BoxScale = 8;

    // Few anchors are positive at the start, as in RetinaNet.
    const double PriorProbability = 0.01;

    const float ImageGamma = 0.5f;
    const float TextGamma = 0.1f;

    /// <summary>Fills a model.</summary>
    public static void Fill(GlipModel model, long seed)
    {
        Initialization.Fill(model, seed, "detector");
        using var noGrad = no_grad();
        foreach (var (name, weight) in model.NamedWeights())
        {
            if (name.EndsWith(".scale", StringComparison.Ordinal)) Set(BoxScale);
            else if (name.EndsWith("log_scale", StringComparison.Ordinal)) Set(LogScale);
            else if (name.EndsWith("bias0", StringComparison.Ordinal)) Set((float)-Math.Log((1 - PriorProbability) / PriorProbability));
            else if (name.EndsWith("gamma_v", StringComparison.Ordinal)) Set(ImageGamma);
            else if (name.EndsWith("gamma_l", StringComparison.Ordinal)) Set(TextGamma);
            else if (name.EndsWith(".offset.weight", StringComparison.Ordinal)) Set(0);
            else if (IsText(name) && name.EndsWith("output.dense.weight", StringComparison.Ordinal)) Set(0);
            else if (name.EndsWith("attn.proj.weight", StringComparison.Ordinal)) Initialization.Scale(weight, 0.2);
            else if (name.EndsWith("relative_position_bias_table", StringComparison.Ordinal)) Initialization.Scale(weight, 0.02);
            else if (name.EndsWith("position_embeddings.weight", StringComparison.Ordinal)) Initialization.Scale(weight, 0.3);
            else if (name.EndsWith("token_type_embeddings.weight", StringComparison.Ordinal)) Set(0);
            else if (name.EndsWith("fc.2.weight", StringComparison.Ordinal)) Initialization.Scale(weight, 0.1);
            else if (name.Contains("bbox_pred", StringComparison.Ordinal) || name.Contains("centerness", StringComparison.Ordinal)) Initialization.Scale(weight, 0.1);
            else if (name.EndsWith("dot_product_projection_text.weight", StringComparison.Ordinal)) Initialization.Scale(weight, 0.3);

            void Set(float value) => weight.Assign(full([.. weight.Shape], value));
        }
    }

    /// <summary>Gives a model the weights of another of its shape.</summary>
    /// <param name="folder">The other's folder.</param>
    /// <param name="model">Receives them.</param>
    /// <exception cref="ConesException">The folder does not exist, or its model has another shape.</exception>
    public static void Copy(string folder, GlipModel model)
    {
        if (!Directory.Exists(folder)) throw new ConesException($"{folder} does not exist: run the recipe that it comes from first");
        using var other = GlipModel.FromFolder(folder);
        using var noGrad = no_grad();
        var weights = other.NamedWeights().ToDictionary(w => w.Key, w => w.Value);
        foreach (var (name, weight) in model.NamedWeights())
        {
            if (!weights.TryGetValue(name, out var found) || !found.Shape.SequenceEqual(weight.Shape))
                throw new ConesException($"{folder} has another shape than this recipe's model ({name}): choose another --runs folder");
            weight.Assign(found.Value.detach().clone());
        }
    }

    /// <summary>The factor of a weight's learning rate.</summary>
    public static double RateFactor(string name) => IsText(name) ? TextRate : 1;

    static bool IsText(string name) =>
        name.StartsWith("language_backbone.", StringComparison.Ordinal) || name.Contains(".attention.", StringComparison.Ordinal)
        || name.Contains(".intermediate.dense.", StringComparison.Ordinal) || (name.StartsWith("rpn.head.dyhead_tower.", StringComparison.Ordinal) && name.Contains(".output.", StringComparison.Ordinal));
}
