namespace Cones.Cli.Segment;

/// <summary>What <c>cones segment</c> found, as <c>--json</c> prints it; the masks themselves are in the files.</summary>
sealed record SegmentReport(
    string Model,
    IReadOnlyList<string> Concepts,
    IReadOnlyList<string> Classes,
    string Results,
    string Table,
    IReadOnlyList<SegmentReport.Picture> Pictures,
    int Objects,
    IReadOnlyList<string> Skipped,
    double Seconds)
{
    /// <summary>A picture, the one with masks on it, its label image, and the number of objects of each class.</summary>
    public sealed record Picture(int Id, string Path, string? Drawn, string? Labels, IReadOnlyDictionary<string, int> Objects);
}
