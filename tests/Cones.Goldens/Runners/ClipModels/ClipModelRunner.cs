using Cones.Models.Clip;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.ClipModels;

/// <summary>The joint model: logits, embeddings, contrastive loss and its gradients.</summary>
public sealed class ClipModelRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["clip-model"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = ClipModel.FromFolder(golden.PathOf("model"));
        var ids = golden.Tensors["in.input_ids"];
        var mask = golden.Tensors.GetValueOrDefault("in.attention_mask");
        var embeds = model.Text.Embed(ids).detach().requires_grad_();
        var pixels = golden.Tensors["in.pixel_values"].detach().requires_grad_();
        var logitScale = model.LogitScale.requires_grad_();

        var text = model.Text.ForwardFromEmbeddings(embeds, ids, mask);
        var vision = model.Vision.Forward(pixels);
        var output = model.Compare(vision.ImageEmbeds!, text.TextEmbeds!);
        CheckIfThere("mid.text_last_hidden_state", text.LastHiddenState);
        CheckIfThere("mid.vision_last_hidden_state", vision.LastHiddenState);
        CheckIfThere("mid.text_pooled_projected", text.TextEmbeds!);
        CheckIfThere("mid.image_pooled_projected", vision.ImageEmbeds!);
        CheckOutput(output);
        CheckOutput(model.Forward(ids, pixels, mask));

        // The loss exists for as many images as texts only.
        if (golden.Tensors.ContainsKey("out.loss"))
        {
            var loss = ClipSimilarity.ContrastiveLoss(output.LogitsPerText);
            result.Check("out.loss", loss.reshape(golden.Tensors["out.loss"].shape));
            var gradients = autograd.grad([loss], [embeds, pixels, logitScale]);
            CheckIfThere("grad.token_embeds.of_loss", gradients[0]);
            CheckIfThere("grad.pixel_values.of_loss", gradients[1]);
            CheckIfThere("grad.logit_scale.of_loss", gradients[2].reshape(1));
        }

        result.RequireAllOutputs();

        void CheckOutput(ClipOutput o)
        {
            result.Check("out.logits_per_image", o.LogitsPerImage);
            result.Check("out.logits_per_text", o.LogitsPerText);
            result.Check("out.image_embeds", o.ImageEmbeds);
            result.Check("out.text_embeds", o.TextEmbeds);
        }

        void CheckIfThere(string name, Tensor actual)
        {
            if (golden.Tensors.ContainsKey(name)) result.Check(name, actual);
        }
    }
}
