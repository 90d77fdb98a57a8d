namespace Cones.Models.Clip;

/// <summary>Maps the key layouts of checkpoints to the models' own, for <see cref="Weights.LoadOptions.Rename"/>.</summary>
/// <remarks>
/// Every published file has the towers under <c>text_model.</c> and <c>vision_model.</c>. Newer versions of transformers
/// (5.20 and up) write a lone tower without that prefix. Early files also hold the constants <c>position_ids</c>.
/// </remarks>
public static class ClipKeys
{
    const string TextPrefix = "text_model.";
    const string VisionPrefix = "vision_model.";

    static readonly string[] s_textOnly = [TextPrefix, "text_projection."];
    static readonly string[] s_visionOnly = [VisionPrefix, "visual_projection."];
    static readonly string[] s_towerParts = ["embeddings.", "encoder.", "final_layer_norm.", "pre_layrnorm.", "post_layernorm."];

    /// <summary>For <see cref="ClipTextModel"/>, from its own checkpoint or a joint one.</summary>
    public static string? Text(string key) => Tower(key, TextPrefix, s_visionOnly);

    /// <summary>For <see cref="ClipVisionModel"/>, from its own checkpoint or a joint one.</summary>
    public static string? Vision(string key) => Tower(key, VisionPrefix, s_textOnly);

    /// <summary>For <see cref="ClipModel"/>.</summary>
    public static string? Joint(string key) => IsPositionIds(key) ? null : key;

    static string? Tower(string key, string prefix, string[] otherTower)
    {
        if (IsPositionIds(key) || key == "logit_scale" || StartsWithAny(key, otherTower)) return null;
        return StartsWithAny(key, s_towerParts) ? prefix + key : key;
    }

    static bool IsPositionIds(string key) => key.EndsWith(".position_ids", StringComparison.Ordinal);

    static bool StartsWithAny(string key, string[] prefixes) => prefixes.Any(p => key.StartsWith(p, StringComparison.Ordinal));
}
