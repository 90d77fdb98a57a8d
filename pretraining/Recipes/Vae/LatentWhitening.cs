using Cones.Models.StableDiffusion.Vae;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Vae;

/// <summary>
/// Mean and deviation of every latent channel, to be folded into <c>quant_conv</c> and <c>post_quant_conv</c>: exactly the same
/// pictures, latents of mean 0 and deviation 1, and a scaling factor of 1.
/// </summary>
/// <param name="Mean">[C].</param>
/// <param name="Deviation">[C].</param>
sealed record LatentWhitening(Tensor Mean, Tensor Deviation)
{
    /// <summary>Measures the means of the posteriors of pictures, [B, 3, H, W].</summary>
    public static LatentWhitening Measure(AutoencoderKL vae, Tensor pixels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var means = cat([.. pixels.split(32).Select(p => vae.Encode(p).Mean)], 0).transpose(0, 1).flatten(1); // [B, C, h, w] -> [C, B h w]
        return new LatentWhitening(means.mean([1]).MoveToOuterDisposeScope(), means.std(1).clamp_min(1e-3).MoveToOuterDisposeScope());
    }

    /// <summary>Replaces the four weights by folded ones.</summary>
    public void Fold(Dictionary<string, Tensor> weights)
    {
        var (weight, bias) = (weights["quant_conv.weight"], weights["quant_conv.bias"]);
        var ones = ones_like(Deviation);
        // means: (m - mean) / deviation; log-variances: v - 2 log deviation
        weights["quant_conv.weight"] = weight / cat([Deviation, ones]).reshape(-1, 1, 1, 1);
        weights["quant_conv.bias"] = (bias - cat([Mean, 2 * Deviation.log()])) / cat([Deviation, ones]);
        var post = weights["post_quant_conv.weight"]; // [C, C, 1, 1]
        weights["post_quant_conv.bias"] = weights["post_quant_conv.bias"] + post.flatten(1).mv(Mean);
        weights["post_quant_conv.weight"] = post * Deviation.reshape(1, -1, 1, 1);
    }
}
