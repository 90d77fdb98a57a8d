using Cones.Models.StableDiffusion.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>The loss of a diffusion model: the mean squared error of its prediction.</summary>
public static class DiffusionLoss
{
    /// <summary>The loss of a batch, a scalar.</summary>
    /// <param name="prediction">What the network predicted, [B, C, h, w].</param>
    /// <param name="target">What it should have predicted, [B, C, h, w].</param>
    /// <param name="weights">How much each pixel counts, [B, 1, h, w] with a mean of 1, or null.</param>
    /// <param name="sampleWeights">How much each sample counts, [B] (min-SNR), or null.</param>
    public static Tensor Compute(Tensor prediction, Tensor target, Tensor? weights, Tensor? sampleWeights)
    {
        using var scope = NewDisposeScope();
        if (weights is null && sampleWeights is null) return nn.functional.mse_loss(prediction, target).MoveToOuterDisposeScope();
        var error = (prediction - target).square();
        if (weights is not null) error = error * weights;
        var perSample = error.mean([1, 2, 3]); // [B, C, h, w] -> [B]
        return (sampleWeights is null ? perSample : perSample * sampleWeights).mean().MoveToOuterDisposeScope();
    }

    /// <summary>The min-SNR weights of a batch, [B], or null where γ is 0.</summary>
    public static Tensor? MinSnrWeights(NoiseSchedule schedule, Tensor timesteps, double gamma) =>
        gamma > 0 ? schedule.MinSnrWeight(timesteps, gamma) : null;
}
