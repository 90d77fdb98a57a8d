using Cones.Models;
using Cones.Models.Imaging;

namespace Cones.Data;

/// <summary>The sizes of many image files, or why a file cannot be used.</summary>
static class ImageProbe
{
    /// <summary>One file's outcome: a size, or a kind of problem and a sentence's end that says it.</summary>
    internal readonly record struct Result(ImageSize Size, DataProblemKind? Problem, string Reason);

    /// <summary>Reads the headers, on all cores.</summary>
    internal static Result[] Read(IReadOnlyList<string> paths)
    {
        var results = new Result[paths.Count];
        Parallel.For(0, paths.Count, i => results[i] = Read(paths[i]));
        return results;
    }

    static Result Read(string path)
    {
        if (!File.Exists(path)) return new Result(default, DataProblemKind.MissingFile, $"there is no file {path}");
        try
        {
            return new Result(ImageHeader.ReadSize(path), null, "");
        }
        catch (ConesException e)
        {
            return new Result(default, DataProblemKind.UnreadableImage, e.Message);
        }
    }
}
