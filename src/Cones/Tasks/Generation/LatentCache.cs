using Cones.Models;
using Cones.Models.StableDiffusion.Vae;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>
/// The training pictures as the VAE's encoder sees them: means and standard deviations of their latents, made once. Samples
/// are drawn from them a step, as if the encoder ran every time. Beyond a bound they lie in a file instead of in memory.
/// </summary>
public sealed class LatentCache : IDisposable
{
    readonly ILatentStore _store;

    LatentCache(ILatentStore store, long[] shape, bool hasWeights) => (_store, Shape, HasWeights) = (store, shape, hasWeights);

    /// <summary>[C, h, w] of a view.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Whether there are masks: whether <see cref="Weights"/> gives anything.</summary>
    public bool HasWeights { get; }

    /// <summary>The number of views N.</summary>
    public int Count => _store.Count;

    /// <summary>The file that the latents lie in, or null where they are in memory.</summary>
    public string? File => (_store as LatentFile)?.Path;

    /// <summary>Encodes pictures one by one.</summary>
    /// <param name="vae">The autoencoder, float32.</param>
    /// <param name="views">All of one size; each is disposed of once it is encoded.</param>
    /// <param name="count">The number of views.</param>
    /// <param name="maximumBytes">The most bytes to keep in memory.</param>
    /// <param name="folder">Where the file goes if they are more; null for the folder of temporary files.</param>
    /// <exception cref="ConesException">A mask is empty, or the file cannot be written.</exception>
    public static LatentCache Create(AutoencoderKL vae, IEnumerable<TrainingView> views, int count, long maximumBytes, string? folder)
    {
        using var noGrad = no_grad();
        ILatentStore? store = null;
        long[] shape = [];
        var hasWeights = false;
        try
        {
            foreach (var view in views)
            {
                using (view)
                {
                    using var scope = NewDisposeScope();
                    var row = Encode(vae, view); // [2 C + 0 or 1, h, w]
                    if (store is null)
                    {
                        hasWeights = view.Mask is not null;
                        shape = [vae.Config.LatentChannels, .. row.shape[1..]];
                        store = row.numel() * sizeof(float) * count > maximumBytes ? new LatentFile(folder ?? Path.GetTempPath(), row.shape) : new LatentMemory();
                    }

                    store.Add(row);
                }
            }

            return new LatentCache(store ?? throw new ArgumentException("no pictures given", nameof(views)), shape, hasWeights);
        }
        catch
        {
            store?.Dispose();
            throw;
        }
    }

    /// <summary>Samples of the latents of some views, scaled as the UNet sees them.</summary>
    /// <param name="views">[B] int64, on the CPU.</param>
    /// <param name="noise">Standard normal noise, [B, C, h, w], on the CPU.</param>
    /// <returns>[B, C, h, w], on the CPU.</returns>
    public Tensor Sample(Tensor views, Tensor noise)
    {
        using var scope = NewDisposeScope();
        var rows = _store.Read(views); // [B, 2 C (+ 1), h, w]
        var mean = rows.narrow(1, 0, Shape[0]);
        var deviation = rows.narrow(1, Shape[0], Shape[0]);
        return (mean + (deviation * noise)).MoveToOuterDisposeScope();
    }

    /// <summary>How much each latent pixel of some views counts in the loss, [B, 1, h, w], mean 1 a picture; null for all alike.</summary>
    /// <param name="views">[B] int64, on the CPU.</param>
    public Tensor? Weights(Tensor views)
    {
        if (!HasWeights) return null;
        using var scope = NewDisposeScope();
        return _store.Read(views).narrow(1, 2 * Shape[0], 1).clone().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();

    static Tensor Encode(AutoencoderKL vae, TrainingView view)
    {
        var posterior = vae.Encode(view.Pixels.to(vae.NamedWeights().First().Value.Value.device));
        var mean = vae.Scale(posterior.Mean);
        var deviation = posterior.StandardDeviation() * vae.Config.ScalingFactor;
        var parts = cat([mean, deviation], 1).cpu(); // [1, 2 C, h, w]
        if (view.Mask is { } mask) parts = cat([parts, LatentMask(mask, mean.shape[2], mean.shape[3], view.Source)], 1);
        return parts[0].contiguous();
    }

    // The share of each latent pixel that the mask covers, scaled to a mean of 1: [1, 1, h, w].
    static Tensor LatentMask(Tensor mask, long height, long width, string source)
    {
        var area = nn.functional.adaptive_avg_pool2d(mask.unsqueeze(0).unsqueeze(0), [height, width]); // [H, W] -> [1, 1, h, w]
        var mean = area.mean();
        if (mean.item<float>() <= 0)
            throw new ConesException($"the mask of {source} is empty in the square that is used: mark the concept in white, or crop the picture around it");
        return area / mean;
    }
}
