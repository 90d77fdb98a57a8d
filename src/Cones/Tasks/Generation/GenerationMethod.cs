namespace Cones.Tasks.Generation;

/// <summary>The ways of making a model draw something new.</summary>
public enum GenerationMethod
{
    /// <summary>Vectors at the text encoder's output (ConES).</summary>
    Concept,

    /// <summary>Vectors at the text encoder's input (textual inversion).</summary>
    PseudoWord,

    /// <summary>The best of some written names by the frozen evaluation loss; no gradient.</summary>
    Words,

    /// <summary>A written name; nothing is searched.</summary>
    Text,

    /// <summary>The denoiser's weights are trained.</summary>
    Full,
}

/// <summary>The names that options and concept files use for <see cref="GenerationMethod"/>.</summary>
public static class GenerationMethods
{
    static readonly (GenerationMethod Method, string Name)[] s_names =
    [
        (GenerationMethod.Concept, "concept"),
        (GenerationMethod.PseudoWord, "pseudo-word"),
        (GenerationMethod.Words, "words"),
        (GenerationMethod.Text, "text"),
        (GenerationMethod.Full, "full"),
    ];

    /// <summary>Every name, in the order of the enumeration.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_names.Select(n => n.Name)];

    /// <summary>The name of a method, e.g. <c>pseudo-word</c>.</summary>
    public static string NameOf(GenerationMethod method) => s_names.First(n => n.Method == method).Name;

    /// <summary>The method of a name, or null.</summary>
    public static GenerationMethod? Find(string name)
    {
        foreach (var (method, known) in s_names)
            if (known == name) return method;
        return null;
    }
}
