using Cones.Data;
using Cones.Data.Coco;
using Cones.Models.Imaging;

namespace Cones.Cli.Tests;

/// <summary>From annotated pictures to concepts to detections and their scores, with the tiny detector of the goldens.</summary>
public sealed class DetectionTests : IDisposable
{
    static readonly string s_model = Path.Combine(TestFiles.Root, "tests", "goldens", "glip", "model_a");
    static readonly string s_other = Path.Combine(TestFiles.Root, "tests", "goldens", "glip", "model_b");
    static readonly string s_dino = Path.Combine(TestFiles.Root, "tests", "goldens", "grounding-dino", "e2e-caption", "model");
    readonly string _folder = Directory.CreateTempSubdirectory("cones-cli-").FullName;

    public DetectionTests()
    {
        Directory.CreateDirectory(In("pictures"));
        var images = new List<DatasetImage>();
        for (var i = 1; i <= 3; i++)
        {
            var picture = new RgbImage(96, 72);
            Array.Fill(picture.Pixels, (byte)200);
            for (var y = 10 * i; y < (10 * i) + 30; y++) picture.Pixels.AsSpan(3 * ((y * 96) + 8), 3 * 30).Fill(30);
            picture.Save(In($"pictures/{i}.png"));
            var box = new BoundingBox(8, 10 * i, 30, 30);
            images.Add(new DatasetImage { Id = 10 * i, FileName = $"{i}.png", Width = 96, Height = 72, Annotations = [new DatasetAnnotation { Id = i, CategoryId = 4, Box = box, Area = box.Area }] });
        }

        CocoWriter.Write(new DetectionDataset([new(4, "cat"), new(9, "dog")], images), In("data.json"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("concept")]
    [InlineData("offset")]
    [InlineData("text")]
    [InlineData("pseudo-word")]
    [InlineData("soft-context")]
    public void A_search_writes_a_concept_that_is_found_and_scored(string method)
    {
        var concept = In("cells.concept.safetensors");
        var search = Search(concept, "--method", method, "--val", In("data.json"), "--shots", "2");
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Contains("loss on 3 validation images", search.Output);
        Assert.Contains("cones detect", search.Output);

        var detect = Cli.Run("detect", In("pictures"), "--model", s_model, "--concept", concept, "--threshold", "0", "-o", In("found"));
        Assert.True(detect.ExitCode == ExitCodes.Success, detect.Error);
        Assert.True(File.Exists(In("found/0001-1.png")));
        Assert.StartsWith("image_id,image,class,score,x,y,width,height\n1,", File.ReadAllText(In("found/detections.csv")), StringComparison.Ordinal);
        Assert.NotEmpty(CocoResultReader.Read(In("found/detections.json")));

        var evaluate = Cli.Run("evaluate", "detection", "--data", In("data.json"), "--images", In("pictures"), "--model", s_model, "--concept", concept, "--json", "-o", In("results.json"));
        var scores = evaluate.Json();
        Assert.Equal(3, scores.GetProperty("images").GetInt32());
        Assert.InRange(scores.GetProperty("ap50").GetDouble(), 0, 1);
        Assert.Equal("cat", scores.GetProperty("classes")[0].GetProperty("class").GetString());

        var again = Cli.Run("evaluate", "detection", "--data", In("data.json"), "--results", In("results.json"), "--json").Json();
        Assert.Equal(scores.GetProperty("ap").GetDouble(), again.GetProperty("ap").GetDouble(), 1e-9);
        Assert.Contains("AP50", Cli.Run("evaluate", "detection", "--data", In("data.json"), "--results", In("results.json")).Output);
    }

    [Fact]
    public void Half_precision_is_searched_found_and_scored()
    {
        var concept = In("cells.concept.safetensors");
        var search = Search(concept, "--precision", "bf16");
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Contains("\"precision\": \"bf16\"", File.ReadAllText(In("cells.run/options.json")));
        string[] how = ["--model", s_model, "--concept", concept, "--precision", "bf16"];
        var detect = Cli.Run(["detect", In("pictures"), "--threshold", "0", "-o", In("found"), .. how]);
        Assert.True(detect.ExitCode == ExitCodes.Success, detect.Error);
        Assert.NotEmpty(CocoResultReader.Read(In("found/detections.json")));
        var evaluate = Cli.Run(["evaluate", "detection", "--data", In("data.json"), "--images", In("pictures"), "--json", .. how]);
        Assert.InRange(evaluate.Json().GetProperty("ap50").GetDouble(), 0, 1);
        Search(concept).MustRefuse("precision was \"bf16\" and is \"fp32\" now", "--restart");
    }

    [Fact]
    public void The_same_command_again_returns_the_finished_search_and_a_changed_one_needs_a_restart()
    {
        var concept = In("cells.concept.safetensors");
        var found = Search(concept, "--json").Json();
        Assert.Equal(("concept", 2), (found.GetProperty("method").GetString(), found.GetProperty("steps").GetInt32()));
        var bytes = File.ReadAllBytes(concept);
        Assert.Equal(ExitCodes.Success, Search(concept).ExitCode);
        Assert.Equal(bytes, File.ReadAllBytes(concept));
        Search(concept, "--slots", "3").MustRefuse("slots was 0 and is 3 now", "--restart");
        Assert.Equal(ExitCodes.Success, Search(concept, "--slots", "3", "--restart").ExitCode);
    }

    [Fact]
    public void Names_are_found_without_a_search()
    {
        var detect = Cli.Run("detect", In("pictures/1.png"), "--model", s_model, "--classes", "cat, pet=remote control", "--threshold", "0", "-o", In("found"), "--no-pictures", "--json");
        var classes = detect.Json().GetProperty("classes").EnumerateArray().Select(c => c.GetString());
        Assert.Equal(["cat", "pet"], classes);
        Assert.False(File.Exists(In("found/0001-1.png")));
        Assert.NotEmpty(detect.Json().GetProperty("pictures")[0].GetProperty("objects").EnumerateArray());
        var evaluate = Cli.Run("evaluate", "detection", "--data", In("data.json"), "--images", In("pictures"), "--model", s_model);
        Assert.True(evaluate.ExitCode == ExitCodes.Success, evaluate.Error);
    }

    [Fact]
    public void Another_family_goes_the_same_way()
    {
        var concept = In("cells.concept.safetensors");
        var search = Search(concept, "--method", "concept", "--val", In("data.json"), "--json", "--model", s_dino);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        var detect = Cli.Run("detect", In("pictures"), "--model", s_dino, "--concept", concept, "--threshold", "0", "-o", In("found"), "--json");
        Assert.NotEmpty(detect.Json().GetProperty("pictures")[0].GetProperty("objects").EnumerateArray());
        Assert.Equal(ExitCodes.Success, Cli.Run("evaluate", "detection", "--data", In("data.json"), "--images", In("pictures"), "--model", s_dino, "--concept", concept).ExitCode);

        Assert.Contains("fits the model", Cli.Run("concept", "show", concept, "--model", s_dino).Output);
        Cli.Run("concept", "show", concept, "--model", s_model).MustRefuse("another model (grounding-dino, 32 dimensions");
        Cli.Run("detect", In("pictures"), "--model", s_model, "--concept", concept).MustRefuse("another model (grounding-dino");
        Cli.Run("evaluate", "detection", "--data", In("data.json"), "--images", In("pictures"), "--model", s_model, "--concept", concept).MustRefuse("another model (grounding-dino");
        Cli.Run("concept", "show", concept, "--model", Path.Combine(TestFiles.Root, "models", "mini-sd")).MustRefuse("another model (grounding-dino");
    }

    [Fact]
    public void Without_a_model_the_embedded_detector_finds_what_words_say()
    {
        var picture = RgbImage.Filled(128, 128, Rgb.White);
        for (var y = 0; y < 128; y++)
            for (var x = 0; x < 128; x++)
                if (((x - 40) * (x - 40)) + ((y - 80) * (y - 80)) < 24 * 24) picture[x, y] = new Rgb(220, 40, 40);
        picture.Save(In("disc.png"));
        var found = Cli.Run("detect", In("disc.png"), "--classes", "red circle, blue star", "--threshold", "0.05", "-o", In("found"), "--json").Json()
            .GetProperty("pictures")[0].GetProperty("objects")[0];
        Assert.Equal("red circle", found.GetProperty("class").GetString());
        double[] box = [.. found.GetProperty("box").EnumerateArray().Select(v => v.GetDouble())];
        Assert.True(new BoundingBox(box[0], box[1], box[2], box[3]).Iou(new BoundingBox(16, 56, 49, 49)) > 0.5, string.Join(", ", box));
    }

    [Fact]
    public void The_samples_can_be_searched_and_scored_with_the_embedded_detector()
    {
        var (samples, concept) = (Path.Combine(TestFiles.Root, "samples", "detection"), In("garden.concept.safetensors"));
        var search = Cli.Run("search", "detection", "--data", Path.Combine(samples, "train.json"), "--steps", "2", "-o", concept);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.DoesNotContain("warning", search.Error, StringComparison.Ordinal);
        var scores = Cli.Run("evaluate", "detection", "--data", Path.Combine(samples, "test.json"), "--concept", concept, "--json").Json();
        Assert.Equal((20, 4), (scores.GetProperty("images").GetInt32(), scores.GetProperty("classes").GetArrayLength()));
    }

    [Fact]
    public void What_cannot_be_used_is_one_sentence()
    {
        Cli.Run("detect", In("pictures"), "--model", s_model).MustRefuse("nothing to find", "--concept", "--classes");
        Cli.Run("detect", In("none"), "--model", s_model, "--classes", "cat").MustRefuse("does not exist");
        Cli.Run("detect", In("pictures"), "--model", s_model, "--classes", "cat", "--threshold", "2").MustRefuse("0 to 1", "--threshold");
        Cli.Run("detect", In("pictures"), "--model", s_model, "--classes", "cat", "-o", In("data.json")).MustRefuse("is a file", "--output");
        Cli.Run("detect", In("pictures"), "--model", s_model, "--classes", "=").MustRefuse("names no class");
        Cli.Run("detect", In("pictures"), "--model", In("pictures"), "--classes", "cat").MustRefuse(In("pictures"));
        Cli.Run("evaluate", "detection", "--data", In("data.json"), "--images", In("pictures"), "--model", s_model, "--classes", "boat").MustRefuse("none of the classes boat");
        Cli.Run("evaluate", "detection", "--data", In("data.json"), "--results", "x", "--classes", "cat").MustRefuse("leave one out");
        Search(In("x.txt")).MustRefuse("no name of a concept file");
        Search(In("x.concept.safetensors"), "--method", "magic").MustRefuse("'magic' is not known", "--method");
        Search(In("x.concept.safetensors"), "--classes", "dog").MustRefuse("no training image shows the class 'dog'");
        Cli.Run("search", "detection", "--data", In("none.json"), "--model", s_model).MustRefuse("none.json");

        var concept = In("cells.concept.safetensors");
        Search(concept);
        Cli.Run("detect", In("pictures"), "--model", s_other, "--concept", concept).MustRefuse("another model");
        Cli.Run("detect", In("pictures"), "--model", s_model, "--concept", concept, "--classes", "boat").MustRefuse("no class 'boat'");
        Assert.Equal(ExitCodes.Success, Cli.Run("concept", "show", concept).ExitCode);
    }

    string In(string name) => Path.Combine(_folder, name);

    Cli Search(string concept, params string[] more)
    {
        string[] classes = more.Contains("--classes") ? [] : ["--classes", "cat"];
        string[] model = more.Contains("--model") ? [] : ["--model", s_model];
        return Cli.Run([.. (string[])["search", "detection", "--data", In("data.json"), "--images", In("pictures"), .. model, "--steps", "2", "--accumulate", "1", "--evaluate-every", "1", "-o", concept], .. classes, .. more]);
    }
}
