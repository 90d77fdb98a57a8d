using Cones.Models.StableDiffusion.UNet;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>One batch of the denoising loss: which views, with which templates, noised how. All tensors are on the CPU.</summary>
/// <param name="Views">Rows of the latent cache, [B] int64.</param>
/// <param name="Templates">For each row its template.</param>
/// <param name="PosteriorNoise">Standard normal noise of the autoencoder's posterior, [B, C, h, w].</param>
/// <param name="Noise">Standard normal noise, [B, C, h, w].</param>
/// <param name="Timesteps">[B] int64.</param>
public sealed record DenoisingBatch(Tensor Views, int[] Templates, Tensor PosteriorNoise, Tensor Noise, Tensor Timesteps) : IDisposable
{
    /// <summary>Some of the rows; the tensors are views of these.</summary>
    public DenoisingBatch Rows(int first, int count) => new(
        Views.narrow(0, first, count),
        Templates[first..(first + count)],
        PosteriorNoise.narrow(0, first, count),
        Noise.narrow(0, first, count),
        Timesteps.narrow(0, first, count));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[Views, PosteriorNoise, Noise, Timesteps]) tensor.Dispose();
    }
}

/// <summary>
/// Personalised image generation: turns conditioning and noised pictures into the denoising loss. It does not know where
/// the conditioning comes from.
/// </summary>
/// <param name="model">The frozen model; not owned.</param>
/// <param name="latents">The training pictures; not owned.</param>
/// <param name="minSnrGamma">γ of min-SNR weighting; 0 for the plain loss.</param>
public sealed class GenerationTask(GenerationModel model, LatentCache latents, double minSnrGamma = 0)
{
    /// <summary>The training pictures.</summary>
    public LatentCache Latents => latents;

    /// <summary>The number of training timesteps.</summary>
    public int TimestepCount => model.Schedule.Count;

    /// <summary>The loss of a batch, a float32 scalar with a graph to the conditioning.</summary>
    public Tensor Loss(Conditioning conditioning, DenoisingBatch batch)
    {
        using var scope = NewDisposeScope();
        var clean = latents.Sample(batch.Views, batch.PosteriorNoise).to(model.Device);
        var noise = batch.Noise.to(model.Device);
        var timesteps = batch.Timesteps.to(model.Device);
        var noisy = model.Schedule.AddNoise(clean, noise, timesteps);
        var target = model.Schedule.Target(clean, noise, timesteps);

        var border = new PrecisionBorder(model.Precision, clean.numel());
        var states = conditioning.PerLayer is { } layers
            ? new CrossAttentionStates(layers.Select(border.Enter))
            : new CrossAttentionStates(border.Enter(conditioning.Embeddings));
        var added = model.IsXL ? new AddedConditions(border.Enter(conditioning.Pooled!), SizeIds(clean)) : null;
        var prediction = border.Leave(model.UNet.Forward(border.Enter(noisy), timesteps, states, added));
        var loss = DiffusionLoss.Compute(
            prediction,
            target,
            latents.Weights(batch.Views)?.to(model.Device),
            DiffusionLoss.MinSnrWeights(model.Schedule, timesteps, minSnrGamma));
        return loss.MoveToOuterDisposeScope();
    }

    // Original size, no crop, target size: [B, 6].
    Tensor SizeIds(Tensor clean)
    {
        float height = clean.shape[2] * model.VaeConfig.Reduction, width = clean.shape[3] * model.VaeConfig.Reduction;
        return tensor(new[] { height, width, 0, 0, height, width }, device: clean.device).expand(clean.shape[0], -1);
    }
}
