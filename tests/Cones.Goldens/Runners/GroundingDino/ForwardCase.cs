using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Encoder;
using Cones.Models.GroundingDino.Text;
using Cones.Models.GroundingDino.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>One forward from ids, where there are any, and one from injected text features; gradients of both.</summary>
sealed class ForwardCase(GoldenCase golden, GoldenResult result, GroundingDinoModel model)
{
    public void Run()
    {
        var mask = golden.Tensors.GetValueOrDefault("in.pixel_mask");
        var image = model.EncodeImage(golden.Tensors["in.pixel_values"], mask);
        CheckImage(image, mask);
        if (golden.Tensors.TryGetValue("in.input_ids", out var ids)) FromIds(image, ids);
        if (golden.Tensors.TryGetValue("in.injected_text_features", out var injected)) FromFeatures(image, injected.detach().requires_grad_());
    }

    void FromIds(ImageFeatures image, Tensor ids)
    {
        var masks = TextMasks.FromIds(ids, golden.Tensors.GetValueOrDefault("in.text_token_mask"));
        Same("in.text_self_attention_masks", masks.SelfAttention);
        Same("in.position_ids", masks.PositionIds);
        masks = masks.Crop(Math.Min(ids.shape[1], model.Config.MaxTextLen));

        using (var fromIds = model.EncodeText(ids, golden.Tensors.GetValueOrDefault("in.text_token_mask"))) CheckIfStored("out.text_features", fromIds.Projected);
        var words = model.EmbedTokens(ids).detach().requires_grad_();
        var text = model.EncodeTextFromEmbeddings(words, masks);
        CheckIfStored("mid.bert_output", text.Hidden);
        CheckIfStored("out.text_features", text.Projected);
        CheckLayers(image, text.Projected, masks);
        var output = model.Forward(image, text.Projected, masks, details: true);
        CheckOutput("out.", output);
        CheckGradients("out.", "grad.", output, masks, new() { ["text_features"] = text.Projected, ["bert_output"] = text.Hidden, ["inputs_embeds"] = words });
    }

    void FromFeatures(ImageFeatures image, Tensor features)
    {
        var masks = TextMasks.From(golden.Tensors["in.text_token_mask"], golden.Tensors["in.text_self_attention_masks"], golden.Tensors["in.position_ids"]);
        if (!golden.Tensors.ContainsKey("in.input_ids")) CheckLayers(image, features, masks);
        var output = model.Forward(image, features, masks, details: true);
        CheckOutput("out.inj.", output);
        CheckGradients("out.inj.", "grad.inj.", output, masks, new() { ["text_features"] = features });

        // Without details, the same is computed.
        var lean = model.Forward(image, features, masks);
        CheckIfStored("out.inj.aux_logits", lean.Logits);
        CheckIfStored("out.inj.aux_boxes", lean.Boxes);
    }

    void CheckImage(ImageFeatures image, Tensor? mask)
    {
        var maps = model.Vision.Backbone.Forward(golden.Tensors["in.pixel_values"]);
        for (var i = 0; i < maps.Count; i++)
        {
            CheckIfStored($"mid.backbone.{i}", maps[i]);
            if (mask is not null) CheckIfStored($"mid.mask.{i}", FeatureGrid.Downsample(mask, image.Levels[i]));
        }

        CheckIfStored("mid.vision_features", image.Features);
        CheckIfStored("mid.vision_position_embedding", image.PositionEmbedding);
        CheckIfStored("mid.vision_padding_mask", image.Padding ?? zeros([image.Batch, image.Features.shape[1]]));
        CheckIfStored("mid.spatial_shapes", tensor(image.Levels.SelectMany(l => new[] { l.Height, l.Width }).ToArray()).view(-1, 2));
        CheckIfStored("mid.valid_ratios", image.ValidRatios);
    }

    // The parts of the first encoder layer.
    void CheckLayers(ImageFeatures image, Tensor text, TextMasks masks)
    {
        using var noGrad = no_grad();
        var padding = masks.Tokens.logical_not();
        var (visionContext, textContext) = (GroundingDinoEncoder.ContextOf(image), model.Encoder.ContextOf(masks, padding, text.dtype));
        var layer = model.Encoder.Layers[0];
        var (vision, fused) = layer.Fusion.Forward(image.Features, text, image.Padding, padding);
        CheckIfStored("mid.fusion0_vision", vision);
        CheckIfStored("mid.fusion0_text", fused);
        CheckIfStored("mid.enhancer0_text", layer.TextEnhancer.Forward(fused, textContext.Positions, textContext.SelfAttentionBias));
        CheckIfStored("mid.enclayer0_vision", layer.Forward(image.Features, text, visionContext, textContext).Vision);
    }

    void CheckOutput(string prefix, GroundingDinoOutput o)
    {
        CheckIfStored(prefix + "logits", GroundingDinoOutput.Pad(o.LastLogits(), model.Config.MaxTextLen));
        CheckIfStored(prefix + "pred_boxes", o.LastBoxes());
        CheckIfStored(prefix + "aux_logits", o.Logits);
        CheckIfStored(prefix + "aux_boxes", o.Boxes);
        CheckIfStored(prefix + "encoder_vision", o.Details!.EncodedVision);
        CheckIfStored(prefix + "encoder_text", o.Details.EncodedText);
        CheckIfStored(prefix + "init_reference_points", o.Details.References[0]);
        CheckIfStored(prefix + "intermediate_reference_points", o.Details.References.slice(0, 1, o.Details.References.shape[0], 1).transpose(0, 1));
        CheckIfStored(prefix + "intermediate_hidden_states", o.Details.States.transpose(0, 1));
        if (o.Proposals is not { } p) return;
        CheckIfStored(prefix + "enc_outputs_class", p.AllLogits!);
        CheckIfStored(prefix + "enc_outputs_coord_logits", p.AllBoxLogits!);
        CheckIfStored(prefix + "enc_topk_indices", p.Indices);
        CheckIfStored(prefix + "enc_topk_logits", p.Logits);
        CheckIfStored(prefix + "enc_topk_boxes", p.Boxes);
    }

    // Scalar `last`: the last layer's scores and boxes against cotangents; `all`: those of every layer and of the encoder.
    void CheckGradients(string outPrefix, string gradPrefix, GroundingDinoOutput o, TextMasks masks, Dictionary<string, Tensor> inputs)
    {
        var last = Scalar(o.LastLogits(), golden.Tensors["in.cotangent.logits"][-1]) + (o.LastBoxes() * golden.Tensors["in.cotangent.boxes"][-1]).sum();
        var all = Scalar(o.Logits, golden.Tensors["in.cotangent.logits"]) + (o.Boxes * golden.Tensors["in.cotangent.boxes"]).sum();
        if (o.Proposals is { } p && golden.Tensors.TryGetValue("in.cotangent.enc_logits", out var cotangent))
            all = all + Scalar(p.Logits, cotangent) + (p.Boxes * golden.Tensors["in.cotangent.enc_boxes"]).sum();
        CheckIfStored(outPrefix + "scalar_all", all.reshape(1));
        foreach (var (name, scalar) in new[] { ("last", last), ("all", all) })
        {
            var gradients = autograd.grad([scalar], [.. inputs.Values], retain_graph: true);
            foreach (var (input, gradient) in inputs.Keys.Zip(gradients)) CheckIfStored($"{gradPrefix}{name}.{input}", gradient);
        }

        Tensor Scalar(Tensor logits, Tensor weights) => (logits.masked_fill(masks.Tokens.logical_not().unsqueeze(1), 0) * weights.masked_fill(masks.Tokens.logical_not().unsqueeze(1), 0)).sum();
    }

    void CheckIfStored(string name, Tensor actual)
    {
        if (golden.Tensors.ContainsKey(name)) result.Check(name, actual);
    }

    void Same(string name, Tensor actual) => result.Check(name, actual, golden.Tensors[name], 0, 0);
}
