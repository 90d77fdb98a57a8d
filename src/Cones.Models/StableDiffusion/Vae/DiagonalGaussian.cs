using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Vae;

/// <summary>What the VAE's encoder returns: a normal distribution for every latent value, without correlations.</summary>
/// <param name="Mean">[B, C, h, w].</param>
/// <param name="LogVariance">[B, C, h, w], within [-30, 20].</param>
public sealed record DiagonalGaussian(Tensor Mean, Tensor LogVariance)
{
    /// <summary>The standard deviation, [B, C, h, w].</summary>
    public Tensor StandardDeviation() => (0.5 * LogVariance).exp();

    /// <summary>A sample, given standard normal noise of the same shape.</summary>
    public Tensor Sample(Tensor noise) => Mean + (StandardDeviation() * noise);

    /// <summary>The divergence from the standard normal distribution, summed over each image, [B].</summary>
    public Tensor KullbackLeibler() => 0.5 * (Mean.square() + LogVariance.exp() - 1 - LogVariance).sum([1, 2, 3]);
}
