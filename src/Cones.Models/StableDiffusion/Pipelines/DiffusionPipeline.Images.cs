using Cones.Models.StableDiffusion.TinyVae;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

public abstract partial class DiffusionPipeline
{
    /// <summary>Decodes latents to pixels, image by image: the decoder needs far more memory than the denoiser.</summary>
    /// <param name="latents">[B, C, h, w] as the denoiser sees them.</param>
    /// <returns>float32 [B, 3, H, W], about -1 to 1.</returns>
    public Tensor DecodePixels(Tensor latents)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var weight = Vae.NamedWeights().First().Value.Value;
        var rows = latents.split(1, 0).Select(row => Vae.Decode(Vae.Unscale(row.to(weight.dtype, weight.device)))).ToArray();
        return cat(rows, 0).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>Decodes latents to images.</summary>
    /// <param name="latents">[B, C, h, w] as the denoiser sees them.</param>
    /// <returns>uint8 [B, H, W, 3], RGB, on the CPU.</returns>
    public Tensor Decode(Tensor latents)
    {
        using var scope = NewDisposeScope();
        return ImageProcessor.ToBytes(DecodePixels(latents)).cpu().MoveToOuterDisposeScope();
    }

    /// <summary>Decodes latents to images with a small autoencoder: for previews.</summary>
    /// <inheritdoc cref="Decode(Tensor)"/>
    public Tensor Decode(Tensor latents, AutoencoderTiny decoder)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var weight = decoder.NamedWeights().First().Value.Value;
        var pixels = decoder.Decode(latents.to(weight.dtype, weight.device) / decoder.Config.ScalingFactor);
        return ImageProcessor.ToBytes(pixels).cpu().MoveToOuterDisposeScope();
    }

    // The latents of an image before scaling, as mean and standard deviation, [1 or B, C, h, w] float32.
    (Tensor Mean, Tensor Deviation) EncodeImage(Tensor image)
    {
        using var scope = NewDisposeScope();
        var weight = Vae.NamedWeights().First().Value.Value;
        var rows = image.to(weight.dtype, weight.device).split(1, 0).Select(Vae.Encode).ToArray();
        var mean = cat([.. rows.Select(r => r.Mean)], 0).to(ScalarType.Float32);
        var deviation = cat([.. rows.Select(r => r.StandardDeviation())], 0).to(ScalarType.Float32);
        return (mean.MoveToOuterDisposeScope(), deviation.MoveToOuterDisposeScope());
    }
}
