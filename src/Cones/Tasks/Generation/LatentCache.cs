using Cones.Models;
using Cones.Models.StableDiffusion.Vae;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>
/// The training pictures as the VAE's encoder sees them: means and standard deviations of their latents, made once. Samples
/// are drawn from them a step, as if the encoder ran every time.
/// </summary>
public sealed class LatentCache : IDisposable
{
    LatentCache(Tensor mean, Tensor deviation, Tensor? weights)
    {
        Mean = mean;
        Deviation = deviation;
        Weights = weights;
    }

    /// <summary>Means, [N, C, h, w], scaled as the UNet sees them.</summary>
    public Tensor Mean { get; }

    /// <summary>Standard deviations, [N, C, h, w], scaled.</summary>
    public Tensor Deviation { get; }

    /// <summary>How much each latent pixel counts in the loss, [N, 1, h, w], with a mean of 1 a picture; null for all alike.</summary>
    public Tensor? Weights { get; }

    /// <summary>The number of views N.</summary>
    public int Count => (int)Mean.shape[0];

    /// <summary>Encodes pictures one by one.</summary>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="pixels">Each [1, 3, H, W] in [-1, 1], all of one size.</param>
    /// <param name="masks">For each picture [H, W] in [0, 1], or null for the whole picture.</param>
    /// <param name="maximumBytes">A limit on the memory that the cache may take.</param>
    /// <exception cref="ConesException">The views would take more than <paramref name="maximumBytes"/>, or a mask is empty.</exception>
    public static LatentCache Create(AutoencoderKL vae, IReadOnlyList<Tensor> pixels, IReadOnlyList<Tensor?> masks, long maximumBytes = 2L << 30)
    {
        if (pixels.Count == 0) throw new ArgumentException("no pictures given", nameof(pixels));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var reduction = vae.Config.Reduction;
        var bytes = 2L * sizeof(float) * pixels.Count * vae.Config.LatentChannels * (pixels[0].shape[2] / reduction) * (pixels[0].shape[3] / reduction);
        if (bytes > maximumBytes)
            throw new ConesException($"{pixels.Count} views of the pictures would take {bytes >> 20} MB of latents, {maximumBytes >> 20} MB are allowed: give fewer pictures or crops");

        var means = new List<Tensor>();
        var deviations = new List<Tensor>();
        var weights = new List<Tensor>();
        for (var i = 0; i < pixels.Count; i++)
        {
            using var inner = NewDisposeScope();
            var posterior = vae.Encode(pixels[i]);
            means.Add(vae.Scale(posterior.Mean).MoveToOuterDisposeScope());
            deviations.Add((posterior.StandardDeviation() * vae.Config.ScalingFactor).MoveToOuterDisposeScope());
            weights.Add(LatentMask(masks[i], posterior.Mean.shape[2], posterior.Mean.shape[3], i).MoveToOuterDisposeScope());
        }

        return new LatentCache(
            cat(means, 0).DetachFromDisposeScope(),
            cat(deviations, 0).DetachFromDisposeScope(),
            masks.All(m => m is null) ? null : cat(weights, 0).DetachFromDisposeScope());
    }

    /// <summary>Samples of the latents of some views, given standard normal noise [B, C, h, w].</summary>
    public Tensor Sample(Tensor views, Tensor noise)
    {
        using var scope = NewDisposeScope();
        return (Mean.index_select(0, views) + (Deviation.index_select(0, views) * noise)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Mean.Dispose();
        Deviation.Dispose();
        Weights?.Dispose();
    }

    // The share of each latent pixel that the mask covers, scaled to a mean of 1: [1, 1, h, w].
    static Tensor LatentMask(Tensor? mask, long height, long width, int index)
    {
        if (mask is null) return ones(1, 1, height, width);
        var area = nn.functional.adaptive_avg_pool2d(mask.unsqueeze(0).unsqueeze(0), [height, width]); // [H, W] -> [1, 1, h, w]
        var mean = area.mean();
        if (mean.item<float>() <= 0) throw new ConesException($"the mask of picture {index + 1} is empty: mark the concept in white");
        return area / mean;
    }
}
