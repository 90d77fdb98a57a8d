using Cones.Models.StableDiffusion.TinyVae;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.StableDiffusion;

/// <summary>Kind <c>taesd</c>: encode and decode with gradients.</summary>
sealed class TinyVaeRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["taesd"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var vae = AutoencoderTiny.FromFolder(golden.PathOf("vae"));
        var image = golden.Tensors["in.image"].clone().requires_grad_();
        var latents = vae.Encode(image);
        result.Check("out.latents", latents);
        (latents * golden.Tensors["in.cot_latent"]).sum().backward();
        result.Check("grad.image.of_latents", image.grad!);

        var latent = golden.Tensors["in.latent"].clone().requires_grad_();
        var decoded = vae.Decode(latent);
        result.Check("out.decoded", decoded);
        (decoded * golden.Tensors["in.cot_image"]).sum().backward();
        result.Check("grad.latent.of_decoded", latent.grad!);
        if (golden.Tensors.ContainsKey("out.scaled")) result.Check("out.scaled", vae.ScaleLatents(golden.Tensors["in.latent"]));
        result.RequireAllOutputs();
    }
}
