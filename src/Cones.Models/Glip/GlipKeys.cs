namespace Cones.Models.Glip;

/// <summary>Maps the keys of GLIP's checkpoints to those of <see cref="GlipModel"/>, for <see cref="Weights.LoadOptions.Rename"/>.</summary>
/// <remarks>
/// Training saves every key under <c>module.</c>. The model's keys are the checkpoint's without that prefix; constants and the
/// parts that only training had are left out.
/// </remarks>
public static class GlipKeys
{
    /// <summary>The learned offset to the text encoder's output.</summary>
    internal const string PromptOffset = "rpn.tunable_linear.weight";

    const string TrainingPrefix = "module.";

    static readonly string[] s_ignoredBeginnings =
    [
        "rpn.anchor_generator.", "rpn.loss_evaluator.", "rpn.resizer.", "rpn.head.cls_logits.", "rpn.head.mlm_head.",
        "language_backbone.body.model.pooler.",
    ];

    static readonly string[] s_ignoredEndings = [".relative_position_index", ".embeddings.position_ids", ".embeddings.token_type_ids", ".attn_mask"];

    /// <summary>The model's key, or null for what is no part of it.</summary>
    public static string? Rename(string key)
    {
        if (key.StartsWith(TrainingPrefix, StringComparison.Ordinal)) key = key[TrainingPrefix.Length..];
        var ignored = s_ignoredBeginnings.Any(b => key.StartsWith(b, StringComparison.Ordinal)) || s_ignoredEndings.Any(e => key.EndsWith(e, StringComparison.Ordinal));
        return ignored ? null : key;
    }
}
