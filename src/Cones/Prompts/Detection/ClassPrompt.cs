using Cones.Models;

namespace Cones.Prompts.Detection;

/// <summary>A class to be found, and the words for it in the caption.</summary>
/// <param name="Name">The class's name in data and results.</param>
/// <param name="Text">What the text encoder reads for it.</param>
public sealed record ClassPrompt(string Name, string Text)
{
    /// <summary>Reads <c>name</c>, or <c>name=words</c> for a written prompt.</summary>
    /// <exception cref="ConesException">A side is empty.</exception>
    public static ClassPrompt Parse(string text)
    {
        var sides = text.Split('=', 2, StringSplitOptions.TrimEntries);
        if (sides.Any(s => s.Length == 0)) throw new ConesException($"'{text}' names no class: write a name, or name=words, such as rbc=\"red blood cell\"");
        return new ClassPrompt(sides[0], sides[^1]);
    }

    /// <summary>Refuses classes that cannot be told apart, or none.</summary>
    /// <exception cref="ConesException">There is none, or two have one name.</exception>
    public static void RequireDistinct(IReadOnlyList<ClassPrompt> classes)
    {
        if (classes.Count == 0) throw new ConesException("no classes given: name some, such as \"cat, dog\" (--classes)");
        if (classes.GroupBy(c => c.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ConesException($"the class '{twice.Key}' is named twice: name it once");
    }
}
