using Cones.Models.Clip;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.ClipModels;

/// <summary>Kind <c>clip-model</c>: logits, embeddings, contrastive loss and its gradients.</summary>
sealed class ClipModelRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["clip-model"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = ClipModel.FromFolder(golden.PathOf("model"));
        var ids = golden.Tensors["in.input_ids"];
        var embeds = model.EmbedTokens(ids).detach().requires_grad_();
        var pixels = golden.Tensors["in.pixel_values"].clone().requires_grad_();
        var scale = model.LogitScale.requires_grad_();

        var text = model.TextFeaturesFromEmbeddings(embeds, ids, golden.Tensors.GetValueOrDefault("in.attention_mask"));
        var image = model.ImageFeatures(pixels);
        var output = model.Compare(image, text);
        var loss = ClipModel.ContrastiveLoss(output.LogitsPerImage);
        loss.backward();

        result.Check("out.logits_per_image", output.LogitsPerImage);
        result.Check("out.logits_per_text", output.LogitsPerImage.transpose(0, 1));
        result.Check("out.image_embeds", output.ImageEmbeds);
        result.Check("out.text_embeds", output.TextEmbeds);
        result.Check("out.loss", loss.reshape(1));
        result.Check("mid.text_pooled_projected", text);
        result.Check("mid.image_pooled_projected", image);
        result.Check("grad.token_embeds.of_loss", embeds.grad!);
        result.Check("grad.pixel_values.of_loss", pixels.grad!);
        result.Check("grad.logit_scale.of_loss", scale.grad!.reshape(1));
        result.RequireAllOutputs();
    }
}
