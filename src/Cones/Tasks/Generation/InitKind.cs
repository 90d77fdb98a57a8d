namespace Cones.Tasks.Generation;

/// <summary>How the start of a search is made from words.</summary>
public enum InitKind
{
    /// <summary>The words as they are; of several the one whose encoding has the lowest frozen evaluation loss.</summary>
    BestWord,

    /// <summary>As <see cref="BestWord"/>, with the words of the vocabulary that are nearest to those given among the candidates.</summary>
    Nearby,

    /// <summary>The mean of all words' encodings.</summary>
    Mean,

    /// <summary>The encoding of the words alone, outside any template.</summary>
    Text,

    /// <summary>Random vectors with the norm of a natural embedding.</summary>
    Random,
}

/// <summary>The names that options use for <see cref="InitKind"/>.</summary>
public static class InitKinds
{
    static readonly (InitKind Kind, string Name)[] s_names =
    [
        (InitKind.BestWord, "best"),
        (InitKind.Nearby, "nearby"),
        (InitKind.Mean, "mean"),
        (InitKind.Text, "text"),
        (InitKind.Random, "random"),
    ];

    /// <summary>Every name, in the order of the enumeration.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_names.Select(n => n.Name)];

    /// <summary>The name of a kind, e.g. <c>nearby</c>.</summary>
    public static string NameOf(InitKind kind) => s_names.First(n => n.Kind == kind).Name;

    /// <summary>The kind of a name, or null.</summary>
    public static InitKind? Find(string name)
    {
        foreach (var (kind, known) in s_names)
            if (known == name) return kind;
        return null;
    }
}
