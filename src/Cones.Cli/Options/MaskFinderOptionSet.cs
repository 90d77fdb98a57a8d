using System.CommandLine;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts.Detection;
using Cones.Tasks.Segmentation;

namespace Cones.Cli.Options;

/// <summary>What is to be segmented: concepts, written names, or what boxes show.</summary>
sealed class MaskFinderOptionSet
{
    readonly Option<string[]> _concepts = new("--concept", "-c") { Description = "A concept file of `cones search segmentation`; several are named one after the other.", HelpName = "FILE" };
    readonly Option<string[]> _classes = new("--classes") { Description = "Without --concept: what to segment, separated by commas; name=words gives a class other words (SAM 3). With SAM: the names of the boxes' classes, in the order of their ids.", HelpName = "NAMES" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_concepts);
        command.Options.Add(_classes);
    }

    /// <summary>The concept files.</summary>
    public IReadOnlyList<string> Concepts(ParseResult parsed) => parsed.GetValue(_concepts) ?? [];

    /// <summary>Refuses a command line that names nothing to segment, for the segmenter that it names.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="segmenter">The segmenter.</param>
    /// <param name="source">Where boxes come from, or null.</param>
    /// <exception cref="ConesException">Concepts, classes or boxes are missing, or do not go together.</exception>
    public void RequireSome(ParseResult parsed, ISegmenter segmenter, BoxSource? source)
    {
        var (hasConcept, hasClasses) = (Concepts(parsed).Count > 0, Classes(parsed).Count > 0);
        if (hasConcept && hasClasses) throw new ConesException("a concept file names its classes itself: leave them out (--classes), or leave the concept out (--concept)");
        if (segmenter.ReadsNames && !hasConcept && !hasClasses)
            throw new ConesException("there is nothing to segment: name a concept (--concept nuclei.concept.safetensors), or classes (--classes \"cat, dog\")");
        if (segmenter.PromptsAreObjects && source is null)
            throw new ConesException("this model segments what boxes show: name a detector (--detector), a list of boxes (--boxes) or a box (--box), or a concept that was searched without boxes (--no-boxes)");
        if (segmenter.PromptsAreObjects && source == BoxSource.None && !hasConcept)
            throw new ConesException("without boxes nothing tells the model what to segment: name a concept (--concept)");
        if (!segmenter.PromptsAreObjects && source is not null)
            throw new ConesException("this model finds objects by itself: leave the boxes out (--detector, --boxes, --box, --no-boxes)");
    }

    /// <summary>Makes the finder, and loads the detector where one was named.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="segmenter">The segmenter; not owned.</param>
    /// <param name="model">The model's name, for messages.</param>
    /// <param name="loading">Device and type of a detector's weights.</param>
    /// <param name="boxes">The options of boxes.</param>
    /// <param name="otherwise">The classes where neither concepts nor classes are named.</param>
    /// <exception cref="ConesException">The concepts or names cannot be used, or none of the boxes' classes is a concept's.</exception>
    public (MaskFinder Finder, BoxDetector? Detector) Create(ParseResult parsed, ISegmenter segmenter, string model, LoadOptions loading, BoxOptionSet boxes, IReadOnlyList<string> otherwise)
    {
        var finder = Concepts(parsed).Count > 0 ? MaskFinder.OfConcepts(segmenter, Concepts(parsed), model) : null;
        BoxDetector? detector = null;
        try
        {
            if (segmenter.PromptsAreObjects && boxes.Source(parsed) == BoxSource.None) finder?.RequireTokens();
            if (boxes.HasDetector(parsed)) detector = boxes.Load(parsed, loading, finder?.Names ?? [.. (Classes(parsed) is { Count: > 0 } named ? named.Select(c => c.Name) : otherwise.DefaultIfEmpty("object"))]);
            if (detector is not null && finder is not null && !finder.Names.Any(detector.Names.Contains))
                throw new ConesException($"the detector finds {string.Join(", ", detector.Names.Take(20))}, the concept is of {string.Join(", ", finder.Names)}: give the detector's classes the concept's names (--detector-classes name=words)");
            finder ??= MaskFinder.OfNames(segmenter, Classes(parsed) is { Count: > 0 } classes ? classes : [.. (detector?.Names ?? otherwise).DefaultIfEmpty("object").Select(n => new ClassPrompt(n, n))]);
            return (finder, detector);
        }
        catch
        {
            finder?.Dispose();
            detector?.Dispose();
            throw;
        }
    }

    IReadOnlyList<ClassPrompt> Classes(ParseResult parsed) => parsed.GetValue(_classes) is { Length: > 0 } names ? FinderOptionSet.ParseClasses(names) : [];
}
