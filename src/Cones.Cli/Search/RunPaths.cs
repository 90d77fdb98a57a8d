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

    /// <summary>The paths of a search whose result is a model folder; checked as above.</summary>
    /// <param name="output">The folder.</param>
    /// <param name="run">The run's folder, or null for the one beside the folder.</param>
    /// <param name="model">The model that is trained.</param>
    /// <exception cref="ConesException">The folder cannot be written, or is that of the model.</exception>
    public static RunPaths OfModel(string output, string? run, string model)
    {
        if (output.Length == 0) throw new ConesException("the name of the model folder is empty: name a folder such as cells-model (--output)");
        if (output.EndsWith(ConceptFile.Extension, StringComparison.OrdinalIgnoreCase))
            throw new ConesException($"{output} is the name of a concept file, but this method writes a model: name a folder such as cells-model (--output)");
        if (File.Exists(output)) throw new ConesException($"{output} is a file: name a folder for the model (--output)");
        var own = File.Exists(model) ? Path.GetDirectoryName(Path.GetFullPath(model))! : Path.GetFullPath(model);
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        if (folder == Path.TrimEndingDirectorySeparator(own)) throw new ConesException($"{output} is the folder of the model itself, which stays as it is: name another one (--output)");
        AtomicFile.RequireWritable(Directory.Exists(output) ? Path.Combine(output, "model.safetensors") : folder);
        return new RunPaths(output, run ?? Path.TrimEndingDirectorySeparator(output) + ".run");
    }

    static string Stem(string output) => output[..^ConceptFile.Extension.Length];
}
