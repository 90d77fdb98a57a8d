using Cones.Models.StableDiffusion.Vae;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.StableDiffusion;

/// <summary>Kind <c>vae</c>: encode and decode with gradients.</summary>
sealed class VaeRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["vae"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var vae = AutoencoderKL.FromFolder(golden.PathOf("vae"));
        var image = golden.Tensors["in.image"].clone().requires_grad_();
        var posterior = vae.Encode(image);
        var sample = posterior.Sample(golden.Tensors["in.noise"]);
        result.Check("out.mean", posterior.Mean);
        result.Check("out.logvar", posterior.LogVariance);
        result.Check("out.std", posterior.StandardDeviation());
        result.Check("out.sample", sample);
        result.Check("out.scaled_latent", vae.Scale(sample));
        result.Check("out.kl", posterior.KullbackLeibler());
        (sample * golden.Tensors["in.cot_latent"]).sum().backward();
        result.Check("grad.image.of_sample", image.grad!);

        var latent = golden.Tensors["in.latent"].clone().requires_grad_();
        var decoded = vae.Decode(latent);
        result.Check("out.decoded", decoded);
        (decoded * golden.Tensors["in.cot_image"]).sum().backward();
        result.Check("grad.latent.of_decoded", latent.grad!);
        result.RequireAllOutputs();
    }
}
