namespace Cones.Prompts.Detection;

/// <summary>
/// Where learned rows go in a caption: for every slot of the new caption the row that it comes from, those of the old caption first, then
/// the learned ones.
/// </summary>
static class SlotLayout
{
    /// <summary>Puts learned rows of each class in place of its slots.</summary>
    /// <param name="caption">The old caption of T slots.</param>
    /// <param name="counts">Learned rows of each class; they follow one another.</param>
    /// <param name="kind">Where rows of no class stand.</param>
    /// <param name="background">Their number, for each class or once; they follow those of the classes.</param>
    public static (IReadOnlyList<long> Order, IReadOnlyList<IReadOnlyList<int>> Classes) Replace(
        CaptionEncoding caption, IReadOnlyList<int> counts, BackgroundKind kind = BackgroundKind.None, IReadOnlyList<int>? background = null)
    {
        var order = new List<long>();
        var slots = new int[counts.Count][];
        var others = 0;
        for (var t = 0; t < caption.Length; t++)
        {
            // The end of the caption stays its end.
            if (kind == BackgroundKind.Shared && t == caption.Length - 1) Append(caption.Length + counts.Sum(), background![0]);
            if (ClassAt(caption, t) is not { } c)
            {
                order.Add(kind == BackgroundKind.Caption ? caption.Length + counts.Sum() + others++ : t);
                continue;
            }

            if (slots[c] is not null) continue;
            slots[c] = [.. Enumerable.Range(order.Count, counts[c])];
            Append(caption.Length + counts.Take(c).Sum(), counts[c]);
            if (kind == BackgroundKind.PerClass) Append(caption.Length + counts.Sum() + background!.Take(c).Sum(), background![c]);
        }

        return (order, slots);

        void Append(int first, int count) => order.AddRange(Enumerable.Range(first, count).Select(r => (long)r));
    }

    /// <summary>Puts the same learned rows before each class's slots, which keep their own.</summary>
    public static (IReadOnlyList<long> Order, IReadOnlyList<IReadOnlyList<int>> Classes) Precede(CaptionEncoding caption, int count)
    {
        var order = new List<long>();
        var slots = caption.Classes.Select(_ => new List<int>()).ToArray();
        for (var t = 0; t < caption.Length; t++)
        {
            if (ClassAt(caption, t) is { } c)
            {
                if (slots[c].Count == 0)
                    for (var i = 0; i < count; i++) order.Add(caption.Length + i);
                slots[c].Add(order.Count);
            }

            order.Add(t);
        }

        return (order, slots);
    }

    static int? ClassAt(CaptionEncoding caption, int slot)
    {
        for (var c = 0; c < caption.Classes.Count; c++)
            if (caption.Classes[c][0] <= slot && slot <= caption.Classes[c][^1]) return c;
        return null;
    }
}
