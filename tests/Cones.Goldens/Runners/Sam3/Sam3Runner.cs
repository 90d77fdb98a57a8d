using Cones.Models.Sam3;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Sam3;

/// <summary>
/// Kinds <c>sam3-text-embeds</c>, <c>sam3-no-mask</c>, <c>sam3-input-ids</c> and <c>sam3-boxes</c>: a prompt on images, and the gradients of
/// every output with respect to the prompt embeddings.
/// </summary>
sealed class Sam3Runner : IGoldenRunner
{
    static readonly (string Name, double Weight)[] s_outputs =
        [("pred_masks", 0.01), ("pred_boxes", 1), ("pred_logits", 1), ("presence_logits", 1), ("semantic_seg", 0.03)];

    public IReadOnlyCollection<string> Kinds => ["sam3-text-embeds", "sam3-no-mask", "sam3-input-ids", "sam3-boxes"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = Sam3Model.FromFolder(golden.PathOf(golden.Json.GetProperty("model").GetString()!));
        var pixels = golden.Tensors["in.pixel_values"].clone().requires_grad_();
        var mask = golden.Tensors.GetValueOrDefault("in.attention_mask");
        var text = Text(golden, result, model, mask);
        var features = model.EncodeImage(pixels);
        CheckImage(golden, result, model, pixels, features);

        var boxes = golden.Tensors.GetValueOrDefault("in.input_boxes") is { } b ? new Sam3BoxPrompts(b, golden.Tensors.GetValueOrDefault("in.input_boxes_labels")) : null;
        var output = model.Forward(features, text, mask, boxes);
        result.Check("mid.detr_encoder", output.Layers.Encoded);
        result.Check("mid.decoder_queries", output.Layers.Queries);
        result.Check("mid.reference_boxes", output.Layers.References);
        result.Check("mid.presence_all", output.Layers.Presence);
        if (boxes is not null) result.Check("mid.geometry", model.EncodeBoxes(features, boxes).Tokens);

        var values = new Dictionary<string, Tensor>
        {
            ["pred_masks"] = output.PredMasks,
            ["pred_boxes"] = output.PredBoxes,
            ["pred_logits"] = output.PredLogits,
            ["presence_logits"] = output.PresenceLogits,
            ["semantic_seg"] = output.SemanticSeg,
        };
        var total = zeros(1);
        foreach (var (name, weight) in s_outputs)
        {
            result.Check($"out.{name}", values[name]);
            var sum = (values[name] * golden.Tensors[$"in.cotangent_{name}"]).sum();
            total = total + (weight * sum);
            if (golden.Tensors.ContainsKey($"grad.text_embeds__{name}"))
                CheckGradient(golden, result, $"grad.text_embeds__{name}", autograd.grad([sum], [text], retain_graph: true)[0]);
        }

        result.Check("out.scalar", total);
        var gradients = autograd.grad([total], [text, pixels]);
        CheckGradient(golden, result, "grad.text_embeds", gradients[0]);
        if (golden.Tensors.ContainsKey("grad.pixel_values")) CheckGradient(golden, result, "grad.pixel_values", gradients[1]);
        if (mask is not null) result.Expect(gradients[0].masked_select(mask.eq(0).unsqueeze(-1)).eq(0).all().item<bool>(), "the gradient of masked tokens is not 0");
        result.RequireAllOutputs();
    }

    static Tensor Text(GoldenCase golden, GoldenResult result, Sam3Model model, Tensor? mask)
    {
        if (golden.Tensors.TryGetValue("in.text_embeds", out var given)) return given.clone().requires_grad_();
        var ids = golden.Tensors["in.input_ids"];
        result.Check("mid.text_last_hidden_state", model.TextEncoder.Forward(ids, mask).LastHiddenState);
        var embeds = model.EncodeText(ids, mask).Embeds;
        result.Check("mid.text_embeds", embeds);
        return embeds.detach().requires_grad_();
    }

    static void CheckImage(GoldenCase golden, GoldenResult result, Sam3Model model, Tensor pixels, Sam3ImageFeatures features)
    {
        var level = features.Levels.Count - 1; // the coarsest that is used is as large as the grid of tokens
        result.Check("mid.vit", model.Backbone(pixels).flatten(1, 2)); // [B, h, w, D] -> [B, h w, D]
        result.Check("mid.fpn_x1", features.Levels[level]);
        result.Check("mid.pos_x1", model.EncodePositions(level));
    }

    // The goldens' notes: gradients to 1e-3 of the largest element.
    internal static void CheckGradient(GoldenCase golden, GoldenResult result, string name, Tensor gradient)
    {
        var expected = golden.Tensors[name];
        result.Check(name, gradient, expected, 1e-4, 1e-3 * expected.abs().max().item<float>());
    }
}
