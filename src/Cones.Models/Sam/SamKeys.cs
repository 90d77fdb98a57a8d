using System.Globalization;

namespace Cones.Models.Sam;

/// <summary>Maps the key layouts of checkpoints to the model's own, for <see cref="Weights.LoadOptions.Rename"/>.</summary>
public static class SamKeys
{
    const string Positions = "shared_image_embedding.positional_embedding";
    const string PromptPositions = "prompt_encoder.shared_embedding.positional_embedding";

    // The first row that fits the beginning of a key decides.
    static readonly (string Meta, string Ours)[] s_meta =
    [
        ("image_encoder.patch_embed.proj.", "vision_encoder.patch_embed.projection."),
        ("image_encoder.blocks.", "vision_encoder.layers."),
        ("image_encoder.neck.0.", "vision_encoder.neck.conv1."),
        ("image_encoder.neck.1.", "vision_encoder.neck.layer_norm1."),
        ("image_encoder.neck.2.", "vision_encoder.neck.conv2."),
        ("image_encoder.neck.3.", "vision_encoder.neck.layer_norm2."),
        ("image_encoder.", "vision_encoder."),
        ("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", Positions),
        ("prompt_encoder.point_embeddings.", "prompt_encoder.point_embed."),
        ("prompt_encoder.mask_downscaling.0.", "prompt_encoder.mask_embed.conv1."),
        ("prompt_encoder.mask_downscaling.1.", "prompt_encoder.mask_embed.layer_norm1."),
        ("prompt_encoder.mask_downscaling.3.", "prompt_encoder.mask_embed.conv2."),
        ("prompt_encoder.mask_downscaling.4.", "prompt_encoder.mask_embed.layer_norm2."),
        ("prompt_encoder.mask_downscaling.6.", "prompt_encoder.mask_embed.conv3."),
        ("mask_decoder.output_upscaling.0.", "mask_decoder.upscale_conv1."),
        ("mask_decoder.output_upscaling.1.", "mask_decoder.upscale_layer_norm."),
        ("mask_decoder.output_upscaling.3.", "mask_decoder.upscale_conv2."),
        ("mask_decoder.transformer.norm_final_attn.", "mask_decoder.transformer.layer_norm_final_attn."),
    ];

    /// <summary>The two keys of the position encoding, which are tied: the model has the first.</summary>
    public static IReadOnlyList<string> TiedPositions { get; } = [Positions, PromptPositions];

    /// <summary>For a file of transformers, which holds the position encoding once or, as two tied copies, twice.</summary>
    /// <param name="keys">The checkpoint's keys.</param>
    public static Func<string, string?> HuggingFace(IEnumerable<string> keys)
    {
        var hasBoth = keys.Contains(Positions);
        return key => key != PromptPositions ? key : hasBoth ? null : Positions;
    }

    /// <summary>For a file of Meta's own program.</summary>
    /// <param name="keys">The checkpoint's keys.</param>
    public static Func<string, string?> Meta(IEnumerable<string> keys)
    {
        var depths = keys.Select(HeadLayer).OfType<(string Head, int Layer, string Tail)>().GroupBy(h => h.Head).ToDictionary(g => g.Key, g => g.Max(h => h.Layer));
        return key =>
        {
            // Constants of the image processor, which some files hold.
            if (key is "pixel_mean" or "pixel_std") return null;
            if (HeadLayer(key) is { } head) return $"{head.Head}.{HeadName(head.Layer, depths.GetValueOrDefault(head.Head))}.{head.Tail}";
            foreach (var (meta, ours) in s_meta)
                if (key.StartsWith(meta, StringComparison.Ordinal))
                    return Norms(ours + key[meta.Length..]);
            return Norms(key);
        };
    }

    /// <summary>Whether keys are of Meta's own layout.</summary>
    public static bool IsMeta(IEnumerable<string> keys) => keys.Contains("image_encoder.patch_embed.proj.weight");

    // norm1 to norm4 of a layer.
    static string Norms(string key) => key.Replace(".norm", ".layer_norm", StringComparison.Ordinal);

    // The linear layers of the small heads are counted through: mask_decoder.iou_prediction_head.layers.2.weight.
    static (string Head, int Layer, string Tail)? HeadLayer(string key)
    {
        if (!key.StartsWith("mask_decoder.iou_prediction_head.", StringComparison.Ordinal) && !key.StartsWith("mask_decoder.output_hypernetworks_mlps.", StringComparison.Ordinal))
            return null;
        var parts = key.Split('.');
        var at = Array.IndexOf(parts, "layers");
        return at > 0 && at + 2 < parts.Length && int.TryParse(parts[at + 1], CultureInfo.InvariantCulture, out var layer)
            ? (string.Join('.', parts[..at]), layer, string.Join('.', parts[(at + 2)..]))
            : null;
    }

    static string HeadName(int layer, int last) => layer == 0 ? "proj_in" : layer == last ? "proj_out" : $"layers.{layer - 1}";
}
