using System.Globalization;
using Cones.Cli.Output;
using Cones.Evaluation;
using Spectre.Console;

namespace Cones.Cli.Evaluate;

/// <summary>What <c>cones evaluate generation</c> found, as <c>--json</c> prints it.</summary>
sealed record EvaluationReport
{
    /// <summary>A mean, and the standard deviation over what it is the mean of.</summary>
    public sealed record Score(double Mean, double Sd, int Count);

    /// <summary>The scores of a prompt.</summary>
    public sealed record PromptRow(string Prompt, int Images, double ClipI, double? ClipT);

    public string? Concept { get; init; }

    public string? Generated { get; init; }

    public string? Model { get; init; }

    public required string Clip { get; init; }

    public required string Real { get; init; }

    public required int RealImages { get; init; }

    public required int Images { get; init; }

    public required Score ClipI { get; init; }

    public double? ClipIAmongReal { get; init; }

    public Score? ClipT { get; init; }

    public double? ClipScore { get; init; }

    public Score? Kid { get; init; }

    public double? Fid { get; init; }

    public required IReadOnlyList<PromptRow> Prompts { get; init; }

    public required double Seconds { get; init; }

    public static EvaluationReport Of(PictureScores scores, string clip, string real, TimeSpan time) => new()
    {
        Clip = clip,
        Real = real,
        RealImages = scores.Real,
        Images = scores.Drawn,
        ClipI = Of(scores.ClipI)!,
        ClipIAmongReal = scores.ClipIAmongReal,
        ClipT = Of(scores.ClipT),
        ClipScore = scores.ClipScore,
        Kid = Of(scores.Kid),
        Fid = scores.Fid,
        Prompts = [.. scores.Prompts.Select(p => new PromptRow(p.Prompt, p.Images, p.ClipI, double.IsNaN(p.ClipT) ? null : p.ClipT))],
        Seconds = Math.Round(time.TotalSeconds, 1),
    };

    /// <summary>The same for people.</summary>
    public void Print(IAnsiConsole console)
    {
        var table = TextOutput.Table("metric", "value", "sd", "over", "meaning");
        Add("CLIP-I", ClipI, "prompts", "likeness to the real pictures, higher is better");
        if (ClipIAmongReal is { } among) table.Row("CLIP-I of the real", Number(among), "", $"{RealImages} pictures", "what CLIP-I can reach");
        Add("CLIP-T", ClipT, "prompts", "closeness to the prompts, higher is better");
        if (ClipScore is { } score) table.Row("CLIPScore", Number(score), "", $"{Images} pictures", "2.5 max(cos, 0), higher is better");
        Add("KID", Kid, "subsets", "distance to the real pictures, lower is better");
        if (Fid is { } fid) table.Row("FID", Number(fid), "", $"{Images} pictures", "distance to the real pictures, biased upwards for few");
        console.Write(table);
        if (Prompts.Count > 1)
        {
            var rows = TextOutput.Table("prompt", "pictures", "CLIP-I", "CLIP-T");
            foreach (var (prompt, images, clipI, clipT) in Prompts) rows.Row(prompt, $"{images}", Number(clipI), clipT is { } t ? Number(t) : "");
            console.Write(rows);
        }

        console.WriteLine(TextOutput.Plain($"{Images} pictures against {RealImages} of {Real}, judged by {Clip}; KID and FID of its features, not of Inception's"));

        void Add(string name, Score? value, string over, string meaning)
        {
            if (value is not null) table.Row(name, Number(value.Mean), Number(value.Sd), $"{value.Count} {over}", meaning);
        }
    }

    static Score? Of(ScoreSummary? summary) => summary is null ? null : new Score(summary.Mean, summary.StandardDeviation, summary.Count);

    static string Number(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);
}
