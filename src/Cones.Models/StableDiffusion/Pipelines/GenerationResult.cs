using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>Where a generation stands. The tensors live until the callback returns.</summary>
/// <param name="Index">The step just made, from 0.</param>
/// <param name="Count">Steps in all: network calls, so one more than asked for with PNDM.</param>
/// <param name="Timestep">The timestep the network was run at.</param>
/// <param name="Latents">The state after the step, [B, C, h, w] float32.</param>
/// <param name="Predicted">The clean latents as predicted at this step, for previews; same shape.</param>
public sealed record DenoisingStep(int Index, int Count, double Timestep, Tensor Latents, Tensor Predicted);

/// <summary>Generated images.</summary>
/// <param name="Images">uint8 [B, H, W, 3], RGB, on the CPU.</param>
/// <param name="Latents">What they were decoded from, [B, C, h, w] float32.</param>
/// <param name="Seeds">The seed of each image; empty where <see cref="GenerationOptions.Latents"/> were given without seeds.</param>
/// <param name="Warnings">Sentences for the user.</param>
public sealed record GenerationResult(Tensor Images, Tensor Latents, IReadOnlyList<ulong> Seeds, IReadOnlyList<string> Warnings) : IDisposable
{
    /// <summary>Each image in managed memory.</summary>
    public IReadOnlyList<RgbImage> ToRgbImages()
    {
        using var scope = NewDisposeScope();
        return [.. Images.unbind(0).Select(RgbImage.FromTensor)];
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Images.Dispose();
        Latents.Dispose();
    }
}
