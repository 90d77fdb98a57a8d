using Cones.Concepts;

namespace Cones.Cli.Tests;

public sealed class EvaluateTests : IDisposable
{
    static readonly string s_samples = Path.Combine(TestFiles.Root, "samples", "generation");
    static readonly string s_real = Path.Combine(s_samples, "tomato", "eval");
    readonly TestFiles _files = new();

    [Fact]
    public void A_concept_is_drawn_and_scored()
    {
        var prompts = _files.PathOf("prompts.txt");
        File.WriteAllLines(prompts, ["# two ways to say it", "an emoji of a {}", "a <toy> on a white background"]);
        var kept = _files.PathOf("kept");
        string[] arguments = ["evaluate", "generation", "--real", s_real, "--concept", _files.Concept(), "--prompts", prompts, "-n", "2", "--steps", "1", "--seed", "5"];
        var json = Cli.Run([.. arguments, "--save", kept, "--json"]);
        Assert.True(json.ExitCode == ExitCodes.Success, json.Error);
        var root = json.Json();
        Assert.Equal(4, root.GetProperty("images").GetInt32());
        Assert.Equal(2, root.GetProperty("prompts").GetArrayLength());
        Assert.Equal("an emoji of a <toy>", root.GetProperty("prompts")[0].GetProperty("prompt").GetString());
        foreach (var name in (string[])["clip_i", "clip_t", "kid"]) Assert.InRange(root.GetProperty(name).GetProperty("mean").GetDouble(), -2, 2);
        Assert.InRange(root.GetProperty("clip_score").GetDouble(), 0, 2.5);
        Assert.True(root.GetProperty("fid").GetDouble() > 0);
        Assert.Contains("drawing 2 of 2", json.Error);
        Assert.Equal(["000-5.png", "000-6.png", "001-5.png", "001-6.png"], Directory.GetFiles(kept).Select(Path.GetFileName).Order());

        var table = Cli.Run(arguments);
        Assert.Contains("CLIP-T", table.Output);
        Assert.Contains(root.GetProperty("clip_i").GetProperty("mean").GetDouble().ToString("0.0000"), table.Output);

        // The pictures that were kept, with a prompt each, have the same scores.
        var texts = _files.PathOf("texts.txt");
        File.WriteAllLines(texts, ["an emoji of a {}", "an emoji of a {}", "a {} on a white background", "a {} on a white background"]);
        var again = Cli.Run("evaluate", "generation", "--real", s_real, "--generated", kept, "--prompts", texts, "--class", "toy", "--json", "--seed", "5").Json();
        foreach (var name in (string[])["clip_score", "fid"]) Assert.Equal(root.GetProperty(name).GetDouble(), again.GetProperty(name).GetDouble(), 1e-5);
    }

    [Fact]
    public void Captions_beside_pictures_are_their_prompts()
    {
        var folder = Path.Combine(s_samples, "tomato");
        var with = Cli.Run("evaluate", "generation", "--real", s_real, "--generated", folder, "--class", "tomato", "--json").Json();
        Assert.True(with.GetProperty("prompts").GetArrayLength() > 1);
        Assert.True(with.TryGetProperty("clip_t", out _));
        var bare = _files.PathOf("bare");
        Directory.CreateDirectory(bare);
        foreach (var file in Directory.GetFiles(folder, "*.png")) File.Copy(file, Path.Combine(bare, Path.GetFileName(file)));
        var without = Cli.Run("evaluate", "generation", "--real", s_real, "--generated", bare, "--json").Json();
        Assert.False(without.TryGetProperty("clip_t", out _));
        Assert.Equal(with.GetProperty("fid").GetDouble(), without.GetProperty("fid").GetDouble(), 1e-5);
    }

    [Fact]
    public void Words_without_a_concept_are_the_baseline()
    {
        var cli = Cli.Run("evaluate", "generation", "--real", s_real, "--class", "red apple", "--prompts", Lines("a {}"), "-n", "1", "--steps", "1", "--json");
        Assert.Equal("a red apple", cli.Json().GetProperty("prompts")[0].GetProperty("prompt").GetString());
    }

    [Fact]
    public void What_cannot_be_used_is_refused_in_one_sentence()
    {
        Refuse("no-such-folder", "--real", "no-such-folder", "--class", "dog");
        Refuse("--concept", "--real", s_real);
        Refuse("leave one out", "--real", s_real, "--concept", _files.Concept(), "--generated", s_real);
        Refuse("no-such-model", "--real", s_real, "--class", "dog", "--clip", "no-such-model");
        Refuse("joint", "--real", s_real, "--class", "dog", "--clip", Path.Combine(TestFiles.Model, "text_encoder"));
        Refuse("neither {} nor", "--real", s_real, "--class", "dog", "--prompts", Lines("a photo"));
        Refuse("no-such.txt", "--real", s_real, "--class", "dog", "--prompts", "no-such.txt");
        Refuse("2 prompts for 4", "--real", s_real, "--generated", s_real, "--prompts", Lines("a", "b"));
        Refuse("--class", "--real", s_real, "--generated", Path.Combine(s_samples, "tomato"));
        Refuse("--count", "--real", s_real, "--class", "dog", "-n", "0");
        Refuse("another model", "--real", s_real, "--concept", _files.Concept(fingerprint: new string('1', 64)));

        static void Refuse(string message, params string[] args) => Cli.Run(["evaluate", "generation", .. args]).MustRefuse(message);
    }

    public void Dispose() => _files.Dispose();

    string Lines(params string[] lines)
    {
        var path = _files.PathOf($"{Guid.NewGuid():n}.txt");
        File.WriteAllLines(path, lines);
        return path;
    }
}
