using Cones.Models.Imaging;

namespace Cones.Cli.Tests;

/// <summary>From pictures to a concept to pictures, with the embedded model and few steps.</summary>
public sealed class SearchAndGenerateTests : IDisposable
{
    static readonly string s_images = Path.Combine(TestFiles.Root, "samples", "generation", "tomato");
    readonly string _folder = Directory.CreateTempSubdirectory("cones-cli-").FullName;

    [Fact]
    public void A_search_writes_a_concept_that_generate_draws()
    {
        var concept = In("tomato.concept.safetensors");
        var search = Search(concept);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Contains("evaluation loss", search.Output);
        Assert.True(File.Exists(concept));
        Assert.Equal((4 * 64) + (5 * 2) + (2 * 4), RgbImage.Load(In("tomato.png")).Width);
        Assert.True(File.Exists(In("tomato.run/options.json")));
        Assert.NotEmpty(File.ReadAllLines(In("tomato.run/metrics.jsonl")));

        var picture = In("out.png");
        var generate = Cli.Run("generate", "an emoji of a <tomato>", "--concept", concept, "-o", picture, "--steps", "2", "-n", "2", "--seed", "5");
        Assert.True(generate.ExitCode == ExitCodes.Success, generate.Error);
        Assert.DoesNotContain("warning", generate.Error);
        var settings = PngText.Read(picture);
        Assert.Equal("an emoji of a <tomato>", settings["prompt"]);
        Assert.Equal("5 to 6", settings["seed"]);
        Assert.Equal("tomato.concept.safetensors", settings["concepts"]);
    }

    [Fact]
    public void The_same_command_again_returns_the_finished_search()
    {
        var concept = In("tomato.concept.safetensors");
        Search(concept);
        var bytes = File.ReadAllBytes(concept);
        File.Delete(concept);
        Assert.Equal(ExitCodes.Success, Search(concept).ExitCode);
        Assert.Equal(bytes, File.ReadAllBytes(concept));
    }

    [Fact]
    public void A_changed_option_needs_a_restart()
    {
        var concept = In("tomato.concept.safetensors");
        Search(concept);
        var other = Search(concept, "--init", "lemon");
        Assert.Equal(ExitCodes.BadInput, other.ExitCode);
        Assert.Equal(ExitCodes.Success, Search(concept, "--init", "lemon", "--restart").ExitCode);
    }

    [Fact]
    public void A_prompt_without_the_concept_is_warned_about()
    {
        var concept = In("tomato.concept.safetensors");
        Search(concept);
        var generate = Cli.Run("generate", "a lemon", "--concept", concept, "-o", In("out.png"), "--steps", "1", "-n", "1");
        Assert.Equal(ExitCodes.Success, generate.ExitCode);
        Assert.Contains("does not contain '<tomato>'", generate.Error);
    }

    [Fact]
    public void Separate_pictures_get_their_seeds_as_names()
    {
        var generate = Cli.Run("generate", "a lemon", "-o", In("lemon.png"), "--steps", "1", "-n", "2", "--separate", "--seed", "3");
        Assert.Equal(ExitCodes.Success, generate.ExitCode);
        Assert.True(File.Exists(In("lemon-3.png")) && File.Exists(In("lemon-4.png")));
    }

    [Fact]
    public void What_cannot_be_used_is_refused_in_one_sentence()
    {
        Refuse("no-such-folder", "search", "generation", "--images", "no-such-folder");
        Refuse(_folder, "search", "generation", "--images", _folder);
        Refuse("--method", "search", "generation", "--images", s_images, "--method", "magic");
        Refuse("--rule", "search", "generation", "--images", s_images, "--rule", "nowhere");
        Refuse("no-such-model", "search", "generation", "--images", s_images, "--model", "no-such-model", "-o", In("a.concept.safetensors"));
        Refuse("no-such.concept", "generate", "a lemon", "--concept", "no-such.concept");
        Refuse("scheduler", "generate", "a lemon", "--scheduler", "none", "--steps", "1");
        Refuse("--count", "generate", "a lemon", "-n", "0");
        File.WriteAllText(In("broken.png"), "no picture");
        Refuse("broken.png", "search", "generation", "--images", _folder, "-o", In("b.concept.safetensors"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static void Refuse(string part, params string[] args)
    {
        var cli = Cli.Run(args);
        Assert.Equal(ExitCodes.BadInput, cli.ExitCode);
        Assert.Contains(part, cli.Error);
        Assert.DoesNotContain("unexpected error", cli.Error);
        Assert.DoesNotContain("   at ", cli.Error);
    }

    string In(string name) => Path.Combine(_folder, name);

    Cli Search(string concept, params string[] more)
    {
        string[] init = more.Contains("--init") ? [] : ["--init", "red apple"];
        return Cli.Run([.. (string[])["search", "generation", "--images", s_images, "--name", "<tomato>", "--steps", "2", "--batch", "2", "--no-flip", "-o", concept], .. init, .. more]);
    }
}
