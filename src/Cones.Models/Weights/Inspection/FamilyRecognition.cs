using System.Text.Json;

namespace Cones.Models.Weights.Inspection;

/// <summary>Says what kind of model a checkpoint holds.</summary>
public static class FamilyRecognition
{
    /// <summary>The name for weights in the layout of the original Stable Diffusion programs, all components in one file.</summary>
    public const string SingleFile = "Stable Diffusion single file";

    /// <summary>The name for the embeddings of <c>cones</c> itself.</summary>
    public const string Concept = "cones concept";

    /// <summary>The name for embeddings of textual inversion.</summary>
    public const string Embedding = "textual-inversion embedding";

    // Keys that all must exist, or their beginnings where they end with a dot; the first row that fits decides.
    static readonly (string Family, string[] Keys)[] s_signatures =
    [
        ("Sam3VideoModel", ["detector_model.detr_decoder.", "tracker_model."]),
        ("Sam3Model", ["detr_decoder.", "geometry_encoder."]),
        ("SamModel", ["vision_encoder.patch_embed.projection.weight", "mask_decoder.iou_prediction_head."]),
        ("Segment Anything (original keys)", ["image_encoder.patch_embed.proj.weight", "mask_decoder.iou_prediction_head."]),
        ("MMGroundingDinoForObjectDetection", ["model.text_backbone.", "model.backbone.conv_encoder.", "class_embed.0.bias"]),
        ("GroundingDinoForObjectDetection", ["model.text_backbone.", "model.backbone.conv_encoder."]),
        ("Grounding DINO (original keys)", ["bert.embeddings.word_embeddings.weight", "transformer.encoder.", "feat_map.weight"]),
        ("GLIP", ["backbone.body.patch_embed.proj.weight", "language_backbone.body.", "rpn.head."]),
        (SingleFile, ["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model."]),
        ("ControlNetModel", ["controlnet_cond_embedding.conv_in.weight", "time_embedding.linear_1.weight"]),
        ("UNet2DConditionModel", ["conv_in.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight", "conv_out.weight"]),
        ("AutoencoderKL", ["encoder.conv_in.weight", "decoder.conv_in.weight", "decoder.up_blocks.0.resnets.0.conv1.weight"]),
        ("AutoencoderTiny", ["encoder.layers.0.weight", "decoder.layers.0.weight"]),
        ("CLIPModel", ["text_model.embeddings.", "vision_model.embeddings.", "logit_scale"]),
        ("CLIPTextModelWithProjection", ["text_model.embeddings.token_embedding.weight", "text_projection.weight"]),
        ("CLIPTextModel", ["text_model.embeddings.token_embedding.weight"]),
        ("CLIPVisionModelWithProjection", ["vision_model.embeddings.class_embedding", "visual_projection.weight"]),
        ("CLIPVisionModel", ["vision_model.embeddings.class_embedding"]),
        ("SwinForImageClassification", ["swin.embeddings.patch_embeddings.projection.weight", "classifier.weight"]),
        ("SwinModel", ["swin.embeddings.patch_embeddings.projection.weight"]),
        ("SwinModel", ["embeddings.patch_embeddings.projection.weight", "encoder.layers.0.blocks.0.layernorm_before.weight"]),
        ("BertForPreTraining", ["bert.embeddings.word_embeddings.weight", "cls.predictions.", "cls.seq_relationship.weight"]),
        ("BertForMaskedLM", ["bert.embeddings.word_embeddings.weight", "cls.predictions."]),
        ("BertModel", ["bert.embeddings.word_embeddings.weight", "bert.encoder.layer."]),
        ("BertModel", ["embeddings.word_embeddings.weight", "encoder.layer."]),
    ];

    // What training programs put before all keys.
    static readonly string[] s_prefixes = ["", "module.", "model."];

    static readonly HashSet<string> s_embeddingKeys = ["emb_params", "emp_params", "emp_params_out", "clip_l", "clip_g", "clip_l_out", "clip_g_out", "string_to_param.*"];

    /// <summary>The class that a configuration names: <c>_class_name</c>, else the first of <c>architectures</c>, else <c>model_type</c>.</summary>
    /// <param name="configPath">A <c>config.json</c> or <c>model_index.json</c>.</param>
    /// <returns>The name, or null where it names none.</returns>
    /// <exception cref="ConesException">It cannot be read.</exception>
    public static string? FromConfig(string configPath)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(configPath));
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return null;
            if (Text(root, "_class_name") is { } name) return name;
            if (root.TryGetProperty("architectures", out var list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0 && list[0].ValueKind == JsonValueKind.String)
                return list[0].GetString();
            return Text(root, "model_type");
        }
        catch (JsonException e)
        {
            throw new ConesException($"{configPath} is no valid JSON ({e.Message}): download it again", e);
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            throw FileErrors.CannotRead(configPath, e);
        }

        static string? Text(JsonElement root, string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    /// <summary>The class that a checkpoint's keys belong to, or null where they are not known.</summary>
    public static string? FromKeys(ICheckpoint checkpoint)
    {
        var keys = checkpoint.Tensors.Keys.ToHashSet(StringComparer.Ordinal);
        if (keys.Count == 0) return null;
        if (checkpoint.Metadata.GetValueOrDefault("format") == "cones.concept") return Concept;
        if (IsEmbedding(checkpoint, keys)) return Embedding;
        if (keys.Any(k => k.Contains("lora_", StringComparison.Ordinal) || k.Contains(".lora.", StringComparison.Ordinal))) return "LoRA";
        foreach (var prefix in s_prefixes)
            foreach (var (family, signature) in s_signatures)
                if (signature.All(s => Has(keys, prefix + s))) return family;
        return null;
    }

    static bool Has(HashSet<string> keys, string sign) =>
        sign.EndsWith('.') ? keys.Any(k => k.StartsWith(sign, StringComparison.Ordinal)) : keys.Contains(sign);

    // diffusers' files have the placeholder, any text, as the only key.
    static bool IsEmbedding(ICheckpoint checkpoint, HashSet<string> keys) =>
        keys.All(s_embeddingKeys.Contains)
        || keys.Contains("string_to_param.*")
        || (checkpoint.Tensors.All(t => t.Value.Shape.Count is 1 or 2 && t.Value.Type.IsFloatingPoint()) && keys.All(k => k.StartsWith('<') && k.EndsWith('>')));
}
