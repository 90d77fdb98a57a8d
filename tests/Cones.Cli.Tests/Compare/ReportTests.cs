using System.Text.RegularExpressions;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Compare.Plans;
using Cones.Cli.Compare.Reports;
using Cones.Cli.Compare.Tasks;
using Cones.Models.Imaging;

namespace Cones.Cli.Tests.Compare;

/// <summary>The structure of reports, of made-up results.</summary>
public sealed class ReportTests : IDisposable
{
    static readonly GenerationComparison s_task = new();
    readonly string _folder = Directory.CreateTempSubdirectory("cones-report-").FullName;

    public ReportTests() => RgbImage.Filled(8, 8, new Rgb(200, 30, 30)).Save(Path.Combine(_folder, "examples.png"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_best_is_bold_only_where_the_difference_exceeds_the_spread()
    {
        var clear = Group(("a", [0.20, 0.31, 0.40]), ("b", [0.25, 0.35, 0.45])); // differences .05, .04, .05
        Assert.Equal("0.3033 ± 0.1002", Bold(clear));
        var blurred = Group(("a", [0.20, 0.31, 0.40]), ("b", [0.25, 0.30, 0.45])); // .05, -.01, .05
        Assert.Null(Bold(blurred));
        var single = Group(("a", [0.20]), ("b", [0.25]));
        Assert.Null(Bold(single));
        var scores = new ScoreTables(clear, s_task).Scores();
        Assert.Contains("paired t-test", scores.Caption);
        Assert.Equal(["genre", "loss, training pictures ↓", "steps", "seconds", "a step, ms", "seconds to the best", "numbers learned", "memory MB", "n"], scores.Columns);
        Assert.Equal(["b", "0.3500 ± 0.1000", "40 ± 0", "2.0 ± 0.0", "50 ± 0", "1.5 ± 0.0", "1,024", "512 ± 0", "3"], scores.Rows[1].Select(c => c.Text));
    }

    [Fact]
    public void Tests_are_named_paired_and_adjusted()
    {
        var table = Assert.Single(new ScoreTables(Group(("a", [0.20, 0.31, 0.40]), ("b", [0.25, 0.35, 0.45]), ("c", [0.5, 0.6, 0.7])), s_task).Tests());
        Assert.Contains("best, a", table.Caption);
        Assert.Contains("Wilcoxon", table.Caption);
        // t = .046667 / (.0057735 / sqrt 3) = 14, two degrees of freedom: p = 1 - 14 / sqrt(2 + 196).
        Assert.Equal(["b", "+0.0467 ± 0.0058", "0.0051", "0.0051", "0.25", "3"], table.Rows[0].Select(c => c.Text));
    }

    [Fact]
    public void The_time_to_the_references_loss()
    {
        CurvePoint[] slow = [new(0, 0, 1), new(10, 4, 0.6), new(20, 8, 0.5)], quick = [new(0, 0, 1), new(10, 2, 0.5), new(20, 4, 0.3)], never = [new(0, 0, 1), new(10, 2, 0.9)];
        var runs = ((string, CurvePoint[])[])[("slow", slow), ("quick", quick), ("never", never)];
        var group = new RunGroup("all", ["slow", "quick", "never"], [.. runs.Select(r => Run(r.Item1, 0, 0.5, r.Item2))]);
        var table = SpeedTable.Of(group, new PlanReference("slow"))!;
        Assert.Equal(["slow", "1 of 1", "20", "8.00", "1", "-"], table.Rows[0].Select(c => c.Text));
        Assert.Equal(["quick", "1 of 1", "10", "2.00", "4.0", "-"], table.Rows[1].Select(c => c.Text));
        Assert.Equal(["never", "0 of 1", "-", "-", "-", "-"], table.Rows[2].Select(c => c.Text));
        Assert.Null(SpeedTable.Of(Group(("a", [1.0])), new PlanReference("none")));
    }

    [Fact]
    public void The_time_to_a_share_of_the_references_score()
    {
        // Losses say the opposite: only scores count.
        CurvePoint[] slow = [new(0, 0, 1, 0.1), new(10, 4, 2, 0.3), new(20, 8, 3, 0.4)], quick = [new(0, 0, 1, 0.1), new(10, 2, 4, 0.37), new(20, 4, 5, 0.2)];
        var group = new RunGroup("all", ["quick", "slow"], [Run("quick", 0, 0.5, quick), Run("slow", 0, 0.5, slow)]);
        var whole = SpeedTable.Of(group, new PlanReference("slow"), "validation AP")!;
        Assert.Contains("until validation AP is the highest of slow", whole.Caption);
        Assert.Equal(["slow", "1 of 1", "20", "8.00", "1", "-"], whole.Rows[0].Select(c => c.Text));
        Assert.Equal(["quick", "0 of 1", "-", "-", "-", "-"], whole.Rows[1].Select(c => c.Text));
        var most = SpeedTable.Of(group, new PlanReference("slow", 0.9), "validation AP")!;
        Assert.Contains("90% of the highest of slow", most.Caption);
        Assert.Equal(["slow", "1 of 1", "20", "8.00", "1", "-"], most.Rows[0].Select(c => c.Text));
        Assert.Equal(["quick", "1 of 1", "10", "2.00", "4.0", "-"], most.Rows[1].Select(c => c.Text));
        // Of results without scores nothing can be said.
        Assert.Null(SpeedTable.Of(new RunGroup("all", ["slow"], [Run("slow", 0, 0.5, [new(0, 0, 1), new(10, 2, 0.5)])]), new PlanReference("slow"), "validation AP"));
    }

    [Fact]
    public void The_html_needs_nothing_else_and_says_everything_in_words_too()
    {
        var html = HtmlReport.Write(Report());
        Assert.StartsWith("<!doctype html>\n<html lang=\"en\">", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html);
        Assert.DoesNotContain("<link", html);
        Assert.Empty(Regex.Matches(html, "(src|href)=\"(?!data:|#)"));
        Assert.Contains("prefers-color-scheme: dark", html);
        Assert.Contains("@media print", html);
        Assert.Equal(7, Regex.Count(html, "<svg role=\"img\" aria-label=\"[^\"]+\"")); // of both groups two curves, cost, shots
        Assert.DoesNotContain("#010203", html);
        Assert.Contains("currentColor", html);
        Assert.All(Regex.Matches(html, "<img [^>]*>"), m => Assert.Matches("alt=\"[^\"]+\"", m.Value));
        Assert.Contains("<th scope=\"col\">", html);
        Assert.Contains("<th scope=\"row\">", html);
        Assert.All(Regex.Matches(html, "<table>(?!<caption>)"), m => Assert.Fail(m.Value));
        foreach (Match link in Regex.Matches(html, "href=\"#([^\"]+)\"")) Assert.Contains($"id=\"{link.Groups[1].Value}\"", html);
        Assert.Contains("the reason &lt;why&gt;", html);
        Assert.Contains("cones search generation", html);
        Assert.Contains("--name &#39;&lt;tomato&gt;&#39;", html);
    }

    [Fact]
    public void Markdown_has_the_same_tables_and_names_only_files_that_are_written()
    {
        var (html, markdown) = ReportFiles.Write(Report(), _folder);
        Assert.True(File.Exists(html));
        var text = File.ReadAllText(markdown);
        foreach (Match link in Regex.Matches(text, @"\]\(([^)]+)\)")) Assert.True(File.Exists(Path.Combine(_folder, link.Groups[1].Value)), link.Value);
        Assert.Contains("| genre |", text);
        Assert.Contains("## Failed runs", text);
        Assert.Contains("## Learning rates", text);
        Assert.Contains("**0.3: 0.4000**", text);
        Assert.Contains("## Machine", text);
        Assert.DoesNotContain("currentColor", File.ReadAllText(Path.Combine(_folder, "report-files", "chart-1-steps.svg")));
    }

    static string? Bold(RunGroup group) => new ScoreTables(group, s_task).Scores().Rows.SelectMany(r => r).SingleOrDefault(c => c.Bold)?.Text;

    RunGroup Group(params (string Genre, double[] Losses)[] genres) =>
        new("all", [.. genres.Select(g => g.Genre)], [.. genres.SelectMany(g => g.Losses.Select((loss, seed) => Run(g.Genre, seed, loss)))]);

    ReportRun Run(string genre, long seed, double loss, CurvePoint[]? curve = null, int? shots = null) => new(
        new JobSpec
        {
            Key = $"{genre}{seed}{shots}",
            Task = "generation",
            Model = "mini",
            ModelPath = Path.Combine(_folder, "mini"),
            Dataset = "tomato",
            Genre = genre,
            Shots = shots,
            Seed = seed,
            ShotSeed = seed,
            Budget = "40 steps",
            Steps = 40,
            Stages = [new JobStage("concept", [])],
            Evaluation = new Dictionary<string, IReadOnlyList<string>>(),
            Data = new Dictionary<string, IReadOnlyList<string>> { ["images"] = [_folder], ["name"] = ["<tomato>"], ["test"] = [_folder] },
        },
        new JobResult
        {
            Key = $"{genre}{seed}{shots}",
            Metrics = new Dictionary<string, double> { ["evaluation_loss"] = loss, ["steps"] = 40, ["seconds"] = 2, ["step_seconds"] = 0.05, ["best_seconds"] = 1.5, ["trainable"] = 1024, ["memory_mb"] = 512 },
            Curve = curve ?? [new(0, 0, 1), new(20, 1, loss + 0.1), new(40, 2, loss)],
            Pictures = [new JobPicture("examples.png", "a tomato")],
            StageSteps = [40],
            Machine = new("a processor", 2, 1, "AVX2", 1L << 33, "Linux", ".NET", "cones"),
            Finished = new DateTimeOffset(2026, 11, 25, 0, 0, 0, TimeSpan.Zero),
            JobSeconds = 12,
        },
        _folder);

    ReportDocument Report()
    {
        var plan = PlanReader.Read(PlanFiles.Write(_folder, PlanFiles.Small("  a: {method: concept, learning-rates: [0.1, 0.3]}\n  b: {method: text}", "[0, 1]", "shots: [1, all]\nreference: a").Replace("2 steps:", "40 steps:", StringComparison.Ordinal)), new Dictionary<string, string>());
        ReportRun[] runs = [.. from genre in (string[])["a", "b"] from shots in (int?[])[1, null] from seed in (long[])[0, 1] select Run(genre, seed, 0.3 + (0.1 * seed), shots: shots)];
        RateChoice[] choices = [new(new RateCell("mini", "tomato", "a", null, "40 steps"), [new RateScore(0.1, [0.5], 1), new RateScore(0.3, [0.4], 1)], 0.3)];
        return new ComparisonReport(plan, s_task, runs, choices, [new JobFailure(runs[0].Job, "the reason <why>")], _folder).Build();
    }
}
