using Cones.Concepts;
using Cones.Models;
using Cones.Models.Weights;

namespace Cones.Cli.Search;

/// <summary>Where the files of a search go.</summary>
/// <param name="Output">The concept file.</param>
/// <param name="Run">The run's folder.</param>
sealed record RunPaths(string Output, string Run)
{
    /// <summary>The picture of before and after.</summary>
    public string Comparison => Stem(Output) + ".png";

    /// <summary>The file of a concept that nobody named one for, in the working folder.</summary>
    public static string DefaultOutput(string name)
    {
        var stem = string.Concat(name.Where(c => char.IsLetterOrDigit(c) || c is '-' or '_'));
        return (stem.Length > 0 ? stem : "concept") + ConceptFile.Extension;
    }

    /// <summary>The paths that were asked for; checked before hours of work depend on them.</summary>
    /// <param name="output">The concept file.</param>
    /// <param name="run">The run's folder, or null for the one beside the concept file.</param>
    /// <exception cref="ConesException">The concept file cannot be written, or its name is that of no concept file.</exception>
    public static RunPaths Of(string output, string? run)
    {
        if (output.Length == 0) throw new ConesException("the name of the concept file is empty: name a file such as dog.concept.safetensors (--output)");
        if (Directory.Exists(output)) throw new ConesException($"{output} is a folder: name a file in it, such as {Path.Combine(output, "dog" + ConceptFile.Extension)} (--output)");
        if (!output.EndsWith(ConceptFile.Extension, StringComparison.OrdinalIgnoreCase))
            throw new ConesException($"{output} is no name of a concept file: let it end with {ConceptFile.Extension} (--output)");
        AtomicFile.RequireWritable(output);
        return new RunPaths(output, run ?? Stem(output) + ".run");
    }

    static string Stem(string output) => output[..^ConceptFile.Extension.Length];
}
