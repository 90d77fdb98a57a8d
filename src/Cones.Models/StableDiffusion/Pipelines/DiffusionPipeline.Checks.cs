using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

public abstract partial class DiffusionPipeline
{
    void Check(TextConditioning conditioning, TextConditioning? negative, GenerationOptions options)
    {
        CheckConditioning(conditioning, nameof(conditioning));
        if (options.Steps < 1) throw new ArgumentException($"{options.Steps} steps, at least 1 expected", nameof(options));
        if (options.ImagesPerPrompt < 1) throw new ArgumentException($"{options.ImagesPerPrompt} images for each prompt, at least 1 expected", nameof(options));
        if (options.GuidanceRescale is < 0 or > 1) throw new ArgumentException($"guidance rescale {options.GuidanceRescale}, 0 to 1 expected", nameof(options));
        if (options.Eta is < 0 or > 1) throw new ArgumentException($"eta {options.Eta}, 0 to 1 expected", nameof(options));

        var batch = conditioning.Count * options.ImagesPerPrompt;
        if (options.Seeds is { } seeds && seeds.Count != 1 && seeds.Count != batch)
            throw new ArgumentException($"{seeds.Count} seeds for {batch} images", nameof(options));
        if (options.Image is { } image) CheckImage(image, batch, options);
        else CheckSize(options.Height ?? DefaultSize, options.Width ?? DefaultSize);
        if (negative is not null) CheckNegative(conditioning, negative);
    }

    void CheckConditioning(TextConditioning conditioning, string name)
    {
        var embeds = conditioning.Embeds;
        if (embeds.dim() != 3 || embeds.shape[0] < 1 || embeds.shape[2] != UNet.Config.PromptDim)
            throw new ArgumentException($"embeddings are [{string.Join(",", embeds.shape)}], [B,T,{UNet.Config.PromptDim}] expected", name);
        if (UNet.Config.HasTextTime && (conditioning.Pooled is not { } pooled || pooled.dim() != 2 || pooled.shape[0] != embeds.shape[0]))
            throw new ArgumentException($"this model needs a pooled embedding [{embeds.shape[0]},P] beside [{string.Join(",", embeds.shape)}]", name);
        if (conditioning.PerLayer is not { } layers) return;
        if (layers.Count != UNet.CrossAttentionLayers.Count)
            throw new ArgumentException($"{layers.Count} embeddings for {UNet.CrossAttentionLayers.Count} cross-attention layers", name);
        foreach (var layer in layers)
            if (!layer.shape.AsSpan().SequenceEqual(embeds.shape))
                throw new ArgumentException($"a layer's embeddings are [{string.Join(",", layer.shape)}], [{string.Join(",", embeds.shape)}] expected", name);
    }

    void CheckNegative(TextConditioning conditioning, TextConditioning negative)
    {
        CheckConditioning(negative, nameof(negative));
        var (expected, given) = (conditioning.Embeds.shape, negative.Embeds.shape);
        if (given[1] != expected[1] || (given[0] != expected[0] && given[0] != 1))
            throw new ArgumentException($"negative embeddings are [{string.Join(",", given)}], [{expected[0]} or 1,{expected[1]},{expected[2]}] expected", nameof(negative));
    }

    void CheckImage(Tensor image, long batch, GenerationOptions options)
    {
        if (options.Latents is not null) throw new ArgumentException("give an image or latents, not both", nameof(options));
        if (image.dim() != 4 || image.shape[1] != Vae.Config.InChannels || (image.shape[0] != 1 && image.shape[0] != batch))
            throw new ArgumentException($"the image is [{string.Join(",", image.shape)}], [{batch} or 1,{Vae.Config.InChannels},H,W] expected", nameof(options));
        if (!(options.Strength > 0 && options.Strength <= 1))
            throw new ArgumentException($"strength {options.Strength}, above 0 to 1 expected", nameof(options));
        CheckSize((int)image.shape[2], (int)image.shape[3]);
    }

    void CheckSize(int height, int width)
    {
        var factor = Vae.Config.Reduction;
        if (height < factor || width < factor || height % factor != 0 || width % factor != 0)
            throw new ArgumentException($"{height} x {width} pixels (height x width): both must be multiples of {factor}");
    }
}
