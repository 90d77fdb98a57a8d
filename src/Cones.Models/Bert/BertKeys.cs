namespace Cones.Models.Bert;

/// <summary>Maps the key layouts of checkpoints to those of <see cref="BertModel"/>, for <see cref="Weights.LoadOptions.Rename"/>.</summary>
/// <remarks>
/// Files of pre-training and of fine-tuned models have the model under <c>bert.</c> beside their heads; the first files call
/// a norm's scale and shift gamma and beta; many hold the constants <c>position_ids</c> and <c>token_type_ids</c>.
/// </remarks>
public static class BertKeys
{
    const string Prefix = "bert.";

    static readonly string[] s_heads = ["cls.", "classifier.", "qa_outputs."];
    static readonly string[] s_constants = ["embeddings.position_ids", "embeddings.token_type_ids"];

    /// <summary>The model's key, or null for what is no part of it: heads and constants.</summary>
    public static string? Rename(string key)
    {
        if (s_heads.Any(h => key.StartsWith(h, StringComparison.Ordinal))) return null;
        if (key.StartsWith(Prefix, StringComparison.Ordinal)) key = key[Prefix.Length..];
        if (s_constants.Contains(key)) return null;
        return key.Replace(".LayerNorm.gamma", ".LayerNorm.weight", StringComparison.Ordinal).Replace(".LayerNorm.beta", ".LayerNorm.bias", StringComparison.Ordinal);
    }

    /// <summary>As <see cref="Rename"/>, and without the pooler.</summary>
    public static string? RenameWithoutPooler(string key) => Rename(key) is { } name && !name.StartsWith("pooler.", StringComparison.Ordinal) ? name : null;
}
