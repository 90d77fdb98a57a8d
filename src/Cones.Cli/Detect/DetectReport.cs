using Cones.Tasks.Detection;

namespace Cones.Cli.Detect;

/// <summary>What <c>cones detect</c> found, as <c>--json</c> prints it.</summary>
sealed record DetectReport(
    string Model,
    IReadOnlyList<string> Concepts,
    IReadOnlyList<string> Classes,
    string Results,
    string Table,
    IReadOnlyList<DetectReport.Picture> Pictures,
    IReadOnlyList<string> Skipped,
    double Seconds)
{
    /// <summary>An object: class, score 0 to 1, and the box x, y, width, height in pixels.</summary>
    public sealed record Item(string Class, double Score, IReadOnlyList<double> Box)
    {
        public static Item Of(FoundObject found) => new(found.Name, Math.Round(found.Score, 4), [.. ((double[])[found.Box.X, found.Box.Y, found.Box.Width, found.Box.Height]).Select(v => Math.Round(v, 2))]);
    }

    /// <summary>A picture, the one with boxes on it, and what is in it.</summary>
    public sealed record Picture(int Id, string Path, string? Drawn, IReadOnlyList<Item> Objects);
}
