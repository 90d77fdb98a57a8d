using Cones.Models;
using Cones.Models.Layers;
using Cones.Models.Sam;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>Begins a model of a larger image with the weights of one of a smaller: tables of positions are stretched, all else is copied.</summary>
static class SegmenterGrowth
{
    /// <summary>Copies the weights.</summary>
    /// <exception cref="ConesException">The models differ in more than their image's size.</exception>
    public static void Copy(SamModel from, SamModel to)
    {
        using var noGrad = no_grad();
        var weights = from.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value);
        foreach (var (name, weight) in to.NamedWeights())
        {
            using var scope = NewDisposeScope();
            var value = weights[name].detach();
            if (name.EndsWith("pos_embed", StringComparison.Ordinal)) value = StretchGrid(value, weight);
            else if (name.Contains(".rel_pos_", StringComparison.Ordinal)) value = StretchDistances(value, weight);
            if (!value.shape.AsSpan().SequenceEqual(weight.Shape.ToArray()))
                throw new ConesException($"the first stage's '{name}' is [{string.Join(",", value.shape)}], [{string.Join(",", weight.Shape)}] is needed: run it with this program");
            weight.Assign(value.clone());
        }
    }

    // [1, h, w, D]
    static Tensor StretchGrid(Tensor table, Weight weight) => nn.functional.interpolate(
        table.permute(0, 3, 1, 2), size: [weight.Shape[1], weight.Shape[2]], mode: InterpolationMode.Bilinear, align_corners: false).permute(0, 2, 3, 1);

    // [2 s - 1, d]: distances in patches.
    static Tensor StretchDistances(Tensor table, Weight weight) => nn.functional.interpolate(
        table.t().unsqueeze(0), size: [weight.Shape[0]], mode: InterpolationMode.Linear, align_corners: true).squeeze(0).t();
}
