namespace Cones.Cli.Generate;

/// <summary>What <c>cones generate</c> drew, as <c>--json</c> prints it.</summary>
sealed record GenerateReport(
    string Prompt,
    string? NegativePrompt,
    string Model,
    IReadOnlyList<string> Concepts,
    IReadOnlyList<GenerateReport.Picture> Pictures,
    IReadOnlyList<string> Warnings,
    double Seconds)
{
    /// <summary>A file and the seeds of what is in it, row after row.</summary>
    public sealed record Picture(string Path, IReadOnlyList<ulong> Seeds);
}
