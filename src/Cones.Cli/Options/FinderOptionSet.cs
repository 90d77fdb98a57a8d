using System.CommandLine;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Tasks.Detection;

namespace Cones.Cli.Options;

/// <summary>What is to be found: concepts, or written names.</summary>
sealed class FinderOptionSet
{
    readonly Option<string[]> _concepts = new("--concept", "-c") { Description = "A concept file of `cones search detection`; several are named one after the other.", HelpName = "FILE" };
    readonly Option<string[]> _classes = new("--classes") { Description = "What to find, separated by commas; name=words gives a class other words. With --concept: only these of its classes.", HelpName = "NAMES" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_concepts);
        command.Options.Add(_classes);
    }

    /// <summary>The concept files; without any, and without classes, the one that a trained model's folder has.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">The model's folder or file, or null.</param>
    public IReadOnlyList<string> Concepts(ParseResult parsed, string? model)
    {
        if (parsed.GetValue(_concepts) is { Length: > 0 } named) return named;
        var own = model is null || parsed.GetValue(_classes) is { Length: > 0 } ? null : Path.Combine(model, DetectionSearchResult.ConceptName);
        return File.Exists(own) ? [own] : [];
    }

    /// <summary>The classes that were named, or null.</summary>
    public IReadOnlyList<ClassPrompt>? Classes(ParseResult parsed) => parsed.GetValue(_classes) is { Length: > 0 } names ? ParseClasses(names) : null;

    /// <summary>Refuses a command line that names nothing.</summary>
    /// <exception cref="ConesException">Neither concepts nor classes are named.</exception>
    public void RequireSome(ParseResult parsed, string model)
    {
        if (Concepts(parsed, model).Count == 0 && Classes(parsed) is null)
            throw new ConesException("there is nothing to find: name a concept (--concept cells.concept.safetensors), or classes (--classes \"cat, dog\")");
    }

    /// <summary>Makes the finder.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="detector">The detector.</param>
    /// <param name="model">The model's name, for messages.</param>
    /// <param name="otherwise">What is found where neither concepts nor classes are named.</param>
    public ObjectFinder Create(ParseResult parsed, IDetector detector, string model, IReadOnlyList<ClassPrompt> otherwise)
    {
        var (classes, concepts) = (Classes(parsed), Concepts(parsed, model));
        if (concepts.Count == 0) return ObjectFinder.OfClasses(detector, classes ?? otherwise);
        var finder = ObjectFinder.OfConcepts(detector, concepts, model);
        if (classes is null) return finder;
        try
        {
            finder.Select([.. classes.Select(c => c.Name)]);
            return finder;
        }
        catch
        {
            finder.Dispose();
            throw;
        }
    }

    /// <summary>Reads names separated by commas.</summary>
    /// <exception cref="ConesException">There is none.</exception>
    public static IReadOnlyList<ClassPrompt> ParseClasses(IReadOnlyList<string> texts)
    {
        ClassPrompt[] classes = [.. texts.SelectMany(t => t.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(ClassPrompt.Parse)];
        ClassPrompt.RequireDistinct(classes);
        return classes;
    }
}
