using Cones.Models.StableDiffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.StableDiffusion;

/// <summary>Kind <c>unet</c>: one forward pass and the gradients with respect to latent, prompt and pooled embedding.</summary>
sealed class UNetRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["unet"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var unet = UNet2DConditionModel.FromFolder(golden.PathOf("unet"));
        Compare(golden, result, unet);
        result.RequireAllOutputs();
    }

    /// <summary>Runs a model on the case's inputs and compares output and gradients.</summary>
    internal static void Compare(GoldenCase golden, GoldenResult result, UNet2DConditionModel unet)
    {
        var sample = golden.Tensors["in.sample"].clone().requires_grad_();
        var prompt = golden.Tensors["in.encoder_hidden_states"].clone().requires_grad_();
        var pooled = golden.Tensors.GetValueOrDefault("in.text_embeds")?.clone().requires_grad_();
        var added = pooled is null ? null : new AddedConditions(pooled, golden.Tensors["in.time_ids"]);
        var timesteps = golden.Tensors["in.timestep"].reshape(-1);
        var labels = golden.Tensors.GetValueOrDefault("in.class_labels");

        var output = unet.Forward(sample, timesteps, new CrossAttentionStates(prompt), added, labels);
        result.Check("out.sample", output);
        if (golden.Tensors.ContainsKey("out.sample_scalar_t"))
        {
            using var shared = tensor(new[] { golden.Params.GetProperty("scalar_timestep").GetDouble() });
            result.Check("out.sample_scalar_t", unet.Forward(sample, shared, new CrossAttentionStates(prompt), added, labels));
        }

        (output * golden.Tensors["in.cotangent"]).sum().backward();
        result.Check("grad.encoder_hidden_states", prompt.grad!);
        result.Check("grad.sample", sample.grad!);
        if (pooled is not null) result.Check("grad.text_embeds", pooled.grad!);
    }
}
