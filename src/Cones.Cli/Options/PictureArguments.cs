using System.CommandLine;
using Cones.Models;
using Cones.Tasks.Generation;

namespace Cones.Cli.Options;

/// <summary>What commands that look at pictures share: the pictures that are named, and the folder for what is found.</summary>
static class PictureArguments
{
    /// <summary>The pictures of files and folders.</summary>
    /// <exception cref="ConesException">One does not exist, or is a misspelt option.</exception>
    public static string[] List(IEnumerable<string> paths, ParseResult parsed) => [.. paths.SelectMany(p => List(p, parsed))];

    /// <summary>Makes the folder for results.</summary>
    /// <exception cref="ConesException">It cannot be made.</exception>
    public static string OutputFolder(string path)
    {
        if (path.Length == 0) throw new ConesException("the name of the folder for results is empty: name one (--output)");
        if (File.Exists(path)) throw new ConesException($"{path} is a file: name a folder for the results (--output)");
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"the folder {path} cannot be made ({e.Message}): name another one (--output)", e);
        }

        return path;
    }

    static IReadOnlyList<string> List(string path, ParseResult parsed)
    {
        if (File.Exists(path) || Directory.Exists(path)) return TrainingViews.ListImages(path);
        if (!path.StartsWith('-')) throw new ConesException($"{path} does not exist: name pictures or a folder of them");
        var command = ParseErrors.CommandPath(parsed);
        throw new ConesException($"{ParseErrors.NoOption(path, command, parsed.CommandResult.Command.Options)}\nSee `{command} --help`.");
    }
}
