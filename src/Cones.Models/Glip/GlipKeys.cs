using Cones.Models.Weights;

namespace Cones.Models.Glip;

/// <summary>Maps the keys of GLIP's checkpoints to those of <see cref="GlipModel"/>.</summary>
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
    /// <param name="key">A key without <c>module.</c>.</param>
    public static string? Rename(string key) =>
        s_ignoredBeginnings.Any(b => key.StartsWith(b, StringComparison.Ordinal)) || s_ignoredEndings.Any(e => key.EndsWith(e, StringComparison.Ordinal)) ? null : key;

    /// <summary>As <see cref="Rename"/>, for a checkpoint whose keys all begin with <c>module.</c>, or do not.</summary>
    public static Func<string, string?> RenameOf(ICheckpoint checkpoint) => HasPrefix(checkpoint) ? key => Rename(key[TrainingPrefix.Length..]) : Rename;

    /// <summary>The key that <see cref="PromptOffset"/> has in a checkpoint's own layout.</summary>
    internal static string StoredPromptOffset(ICheckpoint checkpoint) => HasPrefix(checkpoint) ? TrainingPrefix + PromptOffset : PromptOffset;

    static bool HasPrefix(ICheckpoint checkpoint) => checkpoint.Tensors.Keys.All(k => k.StartsWith(TrainingPrefix, StringComparison.Ordinal));
}
