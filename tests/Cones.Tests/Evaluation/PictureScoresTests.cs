using Cones.Evaluation;
using Cones.Models;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Evaluation;

/// <summary>The embedded judge on sample pictures.</summary>
public sealed class PictureScoresTests : IDisposable
{
    static readonly string s_samples = Path.Combine(Cones.Goldens.GoldenSuite.ProjectFolder, "samples", "generation");
    readonly ClipJudge _judge = ClipJudge.FromFolder(EmbeddedModels.Find(EmbeddedModels.Clip));

    [Fact]
    public void Scores_are_those_of_the_metrics_on_the_judges_features()
    {
        using var scope = NewDisposeScope();
        var (real, first, second) = (Pictures("panda"), Pictures("tomato"), Pictures("broccoli"));
        var scores = PictureScores.Compute(_judge, real, [new("a <x>", "a tomato", first), new("one <x>", "a broccoli", second)], seed: 4);

        var (r, a, b) = (_judge.Images(real), _judge.Images(first), _judge.Images(second));
        var texts = _judge.Texts(["a tomato", "a broccoli"]);
        var all = cat([a, b], 0);
        Assert.Equal((ClipMetrics.ClipI(a, r) + ClipMetrics.ClipI(b, r)) / 2, scores.ClipI.Mean, 1e-9);
        Assert.Equal(ClipMetrics.ClipI(a, texts[..1]), scores.Prompts[0].ClipT, 1e-9);
        Assert.Equal(ClipMetrics.ClipScore(all, texts.index_select(0, tensor([0L, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]))), scores.ClipScore!.Value, 1e-9);
        Assert.Equal(KernelDistance.Compute(r, all, seed: 4), scores.Kid);
        Assert.Equal(FrechetDistance.Compute(r, all), scores.Fid);
        Assert.Equal((6, 12), (scores.Real, scores.Drawn));
    }

    [Fact]
    public void The_same_pictures_are_as_like_as_can_be()
    {
        var tomato = Pictures("tomato");
        var same = PictureScores.Compute(_judge, tomato, [new("", null, tomato)]);
        var other = PictureScores.Compute(_judge, tomato, [new("", null, Pictures("panda"))]);
        Assert.True(same.ClipI.Mean > other.ClipI.Mean);
        Assert.Equal(0, same.Fid!.Value, 1e-6);
        Assert.True(same.Kid!.Mean < other.Kid!.Mean);
        Assert.Null(same.ClipT);
        Assert.Null(same.ClipScore);
    }

    [Fact]
    public void Single_pictures_have_no_distances()
    {
        var scores = PictureScores.Compute(_judge, Pictures("tomato").Take(1).ToArray(), [new("a tomato", "a tomato", Pictures("tomato").Take(1).ToArray())]);
        Assert.Equal(1, scores.ClipI.Mean, 1e-5);
        Assert.Null(scores.Kid);
        Assert.Null(scores.Fid);
        Assert.Null(scores.ClipIAmongReal);
    }

    [Fact]
    public void What_cannot_be_scored_is_refused()
    {
        var tomato = Pictures("tomato");
        Assert.Throws<ConesException>(() => PictureScores.Compute(_judge, [], [new("", null, tomato)]));
        Assert.Throws<ConesException>(() => PictureScores.Compute(_judge, tomato, []));
        Assert.Contains("1 of 2", Assert.Throws<ConesException>(() => PictureScores.Compute(_judge, tomato, [new("a", "a", tomato), new("b", null, tomato)])).Message, StringComparison.Ordinal);
        Assert.Contains("no-such", Assert.Throws<ConesException>(() => ClipJudge.FromFolder("no-such")).Message, StringComparison.Ordinal);
        Assert.Contains("joint", Assert.Throws<ConesException>(() => ClipJudge.FromFolder(Path.Combine(EmbeddedModels.Find(EmbeddedModels.StableDiffusion), "text_encoder"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_processor_of_another_size_is_refused()
    {
        var folder = Directory.CreateTempSubdirectory("cones-judge-").FullName;
        foreach (var file in Directory.GetFiles(EmbeddedModels.Find(EmbeddedModels.Clip))) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        var path = Path.Combine(folder, "preprocessor_config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("64", "32", StringComparison.Ordinal));
        Assert.Contains("32 x 32", Assert.Throws<ConesException>(() => ClipJudge.FromFolder(folder)).Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    public void Dispose() => _judge.Dispose();

    static RgbImage[] Pictures(string concept) =>
        [.. Directory.GetFiles(Path.Combine(s_samples, concept), "*.png").Order(StringComparer.Ordinal).Select(f => RgbImage.Load(f))];
}
