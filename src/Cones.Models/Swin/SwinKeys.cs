namespace Cones.Models.Swin;

/// <summary>Maps the keys of transformers' Swin checkpoints to those of <see cref="SwinBackbone"/>, for <see cref="Weights.LoadOptions.Rename"/>.</summary>
public static class SwinKeys
{
    const string Prefix = "swin.";

    static readonly string[] s_heads = ["classifier.", "decoder.", "swin.layernorm.", "layernorm."];

    /// <summary>
    /// Of a backbone's file: the model's key, or null for what is no part of it (heads, the whole model's last norm, index
    /// tables).
    /// </summary>
    public static string? Backbone(string key)
    {
        if (s_heads.Any(h => key.StartsWith(h, StringComparison.Ordinal)) || key.EndsWith(".relative_position_index", StringComparison.Ordinal)) return null;
        return key.StartsWith(Prefix, StringComparison.Ordinal) ? key[Prefix.Length..] : key;
    }

    /// <summary>
    /// Of the file of a classifier, which has no norms for stages: its last norm becomes that of the last stage, so that a
    /// backbone that gives out that stage alone computes <c>SwinModel</c>'s last hidden state.
    /// </summary>
    /// <param name="key">The file's key.</param>
    /// <param name="stages">The number of stages.</param>
    public static string? Classifier(string key, int stages)
    {
        foreach (var norm in (ReadOnlySpan<string>)["swin.layernorm.", "layernorm."])
            if (key.StartsWith(norm, StringComparison.Ordinal)) return $"{SwinLayout.HuggingFace.OutputNorm(stages)}.{key[norm.Length..]}";
        return Backbone(key);
    }
}
