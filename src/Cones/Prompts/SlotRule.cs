namespace Cones.Prompts;

/// <summary>Where a concept's embeddings go in the sequence that the text encoder hands on.</summary>
/// <remarks>
/// Slot 0 (the start token) is the same for every prompt of a causal encoder such as CLIP's; no rule but
/// <see cref="FullWithStart"/> touches it.
/// </remarks>
public enum SlotRule
{
    /// <summary>The placeholder's slots are replaced. Keeps the rest of the prompt, hence editability.</summary>
    Overwrite,

    /// <summary>Something is added to the encoding of the words that stand in for the placeholder.</summary>
    Residual,

    /// <summary>One vector is added to every slot but the first.</summary>
    Delta,

    /// <summary>A vector of its own is added to every slot but the first.</summary>
    DeltaPerSlot,

    /// <summary>The last slots of the sequence are replaced, as HiPer does it (arXiv 2303.08767).</summary>
    Tail,

    /// <summary>Every slot but the first is replaced: the written prompt no longer matters.</summary>
    Full,

    /// <summary>Every slot is replaced, as Imagic does it (arXiv 2210.09276).</summary>
    FullWithStart,
}

/// <summary>The names that options and concept files use for <see cref="SlotRule"/>.</summary>
public static class SlotRules
{
    static readonly (SlotRule Rule, string Name)[] s_names =
    [
        (SlotRule.Overwrite, "overwrite"),
        (SlotRule.Residual, "residual"),
        (SlotRule.Delta, "delta"),
        (SlotRule.DeltaPerSlot, "delta-per-slot"),
        (SlotRule.Tail, "tail"),
        (SlotRule.Full, "full-but-first"),
        (SlotRule.FullWithStart, "full"),
    ];

    /// <summary>Every name, in the order of the enumeration.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_names.Select(n => n.Name)];

    /// <summary>The name of a rule, e.g. <c>overwrite</c>.</summary>
    public static string NameOf(SlotRule rule) => s_names.First(n => n.Rule == rule).Name;

    /// <summary>The rule of a name, or null.</summary>
    public static SlotRule? Find(string name)
    {
        foreach (var (rule, known) in s_names)
            if (known == name) return rule;
        return null;
    }

    /// <summary>The number of vectors that the rule learns in a sequence of <paramref name="length"/> slots.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="slots">The slots that the user asked for (overwrite, residual, tail).</param>
    /// <param name="length">The length of the sequence, start token included.</param>
    public static int VectorCount(SlotRule rule, int slots, int length) => rule switch
    {
        SlotRule.Delta => 1,
        SlotRule.DeltaPerSlot or SlotRule.Full => length - 1,
        SlotRule.FullWithStart => length,
        _ => slots,
    };

    /// <summary>Whether the learned vectors are added (and start at zero) instead of put in place.</summary>
    public static bool IsAdditive(SlotRule rule) => rule is SlotRule.Residual or SlotRule.Delta or SlotRule.DeltaPerSlot;
}
