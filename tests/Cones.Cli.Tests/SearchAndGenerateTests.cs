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
        Assert.Matches("loss [0-9.]+  evaluation loss [0-9.]+", search.Error);
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
        Assert.Equal(("64x64", "3"), (settings["size"], settings["guidance"]));
    }

    [Fact]
    public void A_trained_denoiser_draws_otherwise_than_the_model_s_own()
    {
        var concept = In("tomato.concept.safetensors");
        var search = Search(concept, "--no-previews", "--method", "full", "--lr", "1e-4");
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        var unet = In("tomato.run/unet");
        Assert.Contains($"--denoiser {unet}", search.Output);

        string[] draw = ["generate", "a <tomato>", "--concept", concept, "--steps", "3", "-n", "1", "-o"];
        Assert.Equal(ExitCodes.Success, Cli.Run([.. draw, In("own.png")]).ExitCode);
        Assert.Equal(ExitCodes.Success, Cli.Run([.. draw, In("trained.png"), "--denoiser", unet]).ExitCode);
        Assert.NotEqual(RgbImage.Load(In("own.png")).Pixels.ToArray(), RgbImage.Load(In("trained.png")).Pixels.ToArray());
        Cli.Run([.. draw, In("no.png"), "--denoiser", In("tomato.run")]).MustRefuse("tomato.run", "--denoiser", "unet");
    }

    [Fact]
    public void What_a_prompt_that_is_too_long_lost_is_named()
    {
        var concept = In("tomato.concept.safetensors");
        Search(concept, "--no-previews");
        var generate = Cli.Run("generate", $"a <tomato> {string.Join(' ', Enumerable.Repeat("red", 19))} on a plate of gold", "--concept", concept, "-o", In("out.png"), "--steps", "1", "-n", "1");
        Assert.Contains("does not see its end: 'on a plate of gold'", generate.Error);
        Assert.Contains("1 picture in", generate.Error);
    }

    [Fact]
    public void The_same_command_again_returns_the_finished_search()
    {
        var concept = In("tomato.concept.safetensors");
        Search(concept, "--no-previews");
        var bytes = File.ReadAllBytes(concept);
        File.Delete(concept);
        Assert.Equal(ExitCodes.Success, Search(concept, "--no-previews").ExitCode);
        Assert.Equal(bytes, File.ReadAllBytes(concept));
    }

    [Fact]
    public void A_changed_option_needs_a_restart()
    {
        var concept = In("tomato.concept.safetensors");
        Search(concept, "--no-previews");
        var other = Search(concept, "--no-previews", "--init", "lemon");
        other.MustRefuse("init was [\"red apple\"] and is [\"lemon\"] now", "--restart", "--run");
        Search(concept, "--no-previews", "--lr", "0.1").MustRefuse("learning_rate was 0.3 and is 0.1 now", "--restart");
        Assert.Equal(ExitCodes.Success, Search(concept, "--no-previews", "--init", "lemon", "--restart").ExitCode);
    }

    [Fact]
    public void A_word_that_the_model_does_not_know_is_warned_about()
    {
        Assert.Contains("no word 'qwertzuiop'", Search(In("a.concept.safetensors"), "--no-previews", "--init", "red qwertzuiop").Error);
        Assert.DoesNotContain("no word", Search(In("b.concept.safetensors"), "--no-previews").Error);
    }

    [Fact]
    public void A_prompt_without_the_concept_is_warned_about()
    {
        var concept = In("tomato.concept.safetensors");
        Search(concept, "--no-previews");
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
    public void Json_goes_to_standard_output_and_progress_to_standard_error()
    {
        var concept = In("tomato.concept.safetensors");
        var search = Search(concept, "--init", "red apple, lemon", "--json", "--precision", "bf16", "--device", "cpu");
        var found = search.Json();
        Assert.Equal((concept, "<tomato>", "overwrite", "completed"), (Text(found, "concept"), Text(found, "name"), Text(found, "rule"), Text(found, "reason")));
        Assert.Equal(In("tomato.png"), Text(found, "comparison"));
        Assert.Equal(2, found.GetProperty("candidates").GetArrayLength());
        Assert.True(found.GetProperty("best_loss").GetDouble() <= found.GetProperty("start_loss").GetDouble());
        Assert.Contains("trying 2 words", search.Error);
        Assert.Equal("bf16", System.Text.Json.JsonDocument.Parse(File.ReadAllText(In("tomato.run/options.json"))).RootElement.GetProperty("details").GetProperty("precision").GetString());

        var generate = Cli.Run("generate", "a <tomato>", "-c", concept, "-o", In("out.png"), "--steps", "1", "-n", "3", "--seed", "7", "--separate", "--json", "--precision", "fp16");
        var drawn = generate.Json();
        Assert.Equal(3, drawn.GetProperty("pictures").GetArrayLength());
        Assert.Equal(9UL, drawn.GetProperty("pictures")[2].GetProperty("seeds")[0].GetUInt64());
        Assert.True(File.Exists(Text(drawn, "pictures", 0, "path")));
        Assert.Equal("fp16", PngText.Read(In("out-7.png"))["precision"]);

        static string? Text(System.Text.Json.JsonElement element, string name, int? index = null, string inner = "") =>
            (index is { } i ? element.GetProperty(name)[i].GetProperty(inner) : element.GetProperty(name)).GetString();
    }

    [Fact]
    public void Without_previews_no_picture_is_drawn()
    {
        Assert.Equal(ExitCodes.Success, Search(In("tomato.concept.safetensors"), "--no-previews").ExitCode);
        Assert.False(File.Exists(In("tomato.png")));
        Assert.Empty(Directory.GetFiles(In("tomato.run/previews")));
    }

    [Fact]
    public void Sdxl_is_previewed_where_it_is_asked_for()
    {
        var model = Path.Combine(TestFiles.Root, "tests", "goldens", "generation", "pipeline-sdxl", "pipeline");
        var bare = Directory.CreateDirectory(In("bare")).FullName;
        foreach (var file in Directory.GetFiles(s_images, "*.png").Take(2)) File.Copy(file, Path.Combine(bare, Path.GetFileName(file))); // without captions
        string[] arguments = ["search", "generation", "--images", bare, "--model", model, "--name", "<x>", "--init", "dog", "--templates", Lines("a {}"), "--steps", "2", "--batch", "2", "--no-flip", "-o", In("x.concept.safetensors")];
        Assert.Equal(ExitCodes.Success, Cli.Run(arguments).ExitCode);
        Assert.Empty(Directory.GetFiles(In("x.run/previews")));
        var shown = Cli.Run([.. arguments, "--restart", "--preview-every", "1", "--method", "pseudo-word"]);
        Assert.True(shown.ExitCode == ExitCodes.Success, shown.Error);
        Assert.Equal(3, Directory.GetFiles(In("x.run/previews")).Length);
        Assert.True(File.Exists(In("x.png")));

        // The pseudo-word of two encoders goes to kohya's format and back.
        Assert.Equal(ExitCodes.Success, Cli.Run("concept", "convert", In("x.concept.safetensors"), "-o", In("x.safetensors"), "--to", "kohya", "--model", model).ExitCode);
        Assert.Equal(ExitCodes.Success, Cli.Run("concept", "convert", In("x.safetensors"), "-o", In("y.concept.safetensors"), "--model", model, "--name", "<x>").ExitCode);
        using var before = Cones.Concepts.ConceptFile.Load(In("x.concept.safetensors"));
        using var after = Cones.Concepts.ConceptFile.Load(In("y.concept.safetensors"));
        Assert.Equal(before.Concepts[0].Embeddings.data<float>().ToArray(), after.Concepts[0].Embeddings.data<float>().ToArray());
        Assert.Equal("pseudo-word", after.Metadata.Method);
    }

    [Fact]
    public void A_restart_removes_the_run_and_nothing_else()
    {
        var concept = In("tomato.concept.safetensors");
        Search(concept, "--no-previews");
        File.WriteAllText(In("tomato.run/notes.txt"), "mine");
        Assert.Equal(ExitCodes.Success, Search(concept, "--no-previews", "--restart", "--seed", "3").ExitCode);
        Assert.True(File.Exists(In("tomato.run/notes.txt")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string In(string name) => Path.Combine(_folder, name);

    string Lines(params string[] lines)
    {
        var path = In("lines.txt");
        File.WriteAllLines(path, lines);
        return path;
    }

    Cli Search(string concept, params string[] more)
    {
        string[] init = more.Contains("--init") ? [] : ["--init", "red apple"];
        return Cli.Run([.. (string[])["search", "generation", "--images", s_images, "--name", "<tomato>", "--steps", "2", "--batch", "2", "--evaluation-batch", "4", "--no-flip", "-o", concept], .. init, .. more]);
    }
}
