using Cones.Data.Coco;

namespace Cones.Cli.Tests;

/// <summary>COCO, Pascal VOC and YOLO on the command line, trained models, second stages, several files.</summary>
public sealed class DetectionFormatTests : IDisposable
{
    readonly DetectionFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_VOC_folder_is_trained_on_and_judged_by_its_parts()
    {
        var voc = _files.Voc();
        var search = _files.Search("--data", voc, "--split", "train", "--val", voc, "--val-split", "val", "--json");
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Equal((2, 1), (search.Json().GetProperty("train_images").GetInt32(), search.Json().GetProperty("validation_images").GetInt32()));
        Assert.Equal(["cat", "sign"], search.Json().GetProperty("classes").EnumerateArray().Select(c => c.GetString()));
        Assert.InRange(search.Json().GetProperty("best_ap").GetDouble(), 0, 1);
        var scores = _files.Evaluate("--data", voc, "--split", "val", "--model", DetectionFiles.Model, "--concept", _files.In("cells.concept.safetensors"), "--json").Json();
        Assert.Equal(1, scores.GetProperty("images").GetInt32());
        _files.Search("--data", voc, "--val", voc).MustRefuse("trained on and judged by", "--val-split");
        _files.Search("--data", voc, "--split", "trian").MustRefuse("trian.txt", "split");
    }

    [Fact]
    public void A_YOLO_folder_is_trained_on_and_judged_by_its_parts()
    {
        var yolo = _files.Yolo();
        var search = _files.Search("--data", yolo, "--val", yolo, "--json");
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Equal((2, 1), (search.Json().GetProperty("train_images").GetInt32(), search.Json().GetProperty("validation_images").GetInt32()));
        var scores = _files.Evaluate("--data", Path.Combine(yolo, "data.yaml"), "--model", DetectionFiles.Model, "--concept", _files.In("cells.concept.safetensors"), "--json").Json();
        Assert.Equal((1, 2), (scores.GetProperty("images").GetInt32(), scores.GetProperty("classes").GetArrayLength()));
        Assert.Equal(2, _files.Evaluate("--data", yolo, "--split", "train", "--model", DetectionFiles.Model, "--json").Json().GetProperty("images").GetInt32());
        _files.Search("--data", yolo, "--split", "tset").MustRefuse("tset", "train, val");
    }

    [Fact]
    public void Shots_follow_their_seed()
    {
        var named = _files.Search("--shots", "1", "--seed", "30", "--json", "--val", _files.In("data.json"));
        Assert.True(named.ExitCode == ExitCodes.Success, named.Error);
        Assert.InRange(named.Json().GetProperty("train_images").GetInt32(), 1, 2);
        Assert.Contains("warning", _files.Search("--shots", "2", "--restart").Error); // there is one image with a sign
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("full")]
    public void A_trained_model_brings_its_own_concepts(string method)
    {
        var model = _files.In("cells-model");
        var search = _files.Search("--method", method, "-o", model, "--val", _files.In("data.json"));
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Contains($"cones detect PICTURES --model {model}", search.Output);
        var detect = Cli.Run("detect", _files.In("pictures/1.png"), "--model", model, "--threshold", "0", "-o", _files.In("found"), "--json");
        Assert.Equal(["cat", "sign"], detect.Json().GetProperty("classes").EnumerateArray().Select(c => c.GetString()));
        var scores = _files.Evaluate("--data", _files.In("data.json"), "--images", _files.In("pictures"), "--model", model, "--json");
        Assert.True(scores.ExitCode == ExitCodes.Success, scores.Error);

        // The same command again returns the finished search.
        var weights = File.ReadAllBytes(Path.Combine(model, "model.safetensors"));
        Assert.Equal(ExitCodes.Success, _files.Search("--method", method, "-o", model, "--val", _files.In("data.json")).ExitCode);
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(model, "model.safetensors")));
    }

    [Fact]
    public void Stages_follow_one_another_on_the_command_line()
    {
        var (concept, second) = (_files.In("cells.concept.safetensors"), _files.In("second.concept.safetensors"));
        Assert.Equal(ExitCodes.Success, _files.Search("--init", "prototype", "--background", "shared", "--norm-bound", "3", "--views", "1").ExitCode);
        foreach (var (method, output) in ((string, string)[])[("concept", second), ("offset", second), ("linear", _files.In("linear")), ("full", _files.In("full"))])
        {
            var stage = _files.Search("--from", concept, "--method", method, "-o", output, "--restart");
            Assert.True(stage.ExitCode == ExitCodes.Success, stage.Error);
        }

        Assert.True(File.Exists(_files.In("full/detection.concept.safetensors")));
        Assert.Contains("full from cells.concept.safetensors", Cli.Run("concept", "show", _files.In("full/detection.concept.safetensors")).Output);
    }

    [Fact]
    public void Candidates_are_tried_and_reported()
    {
        var search = _files.Search("--method", "text", "--candidates", "cat=remote control|sign in traffic", "--json");
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Equal(3, search.Json().GetProperty("candidates").GetArrayLength());
        Assert.Equal(search.Json().GetProperty("candidates")[0].GetProperty("text").GetString(), search.Json().GetProperty("words").GetProperty("cat").GetString());
        Assert.Contains("words for cat:", _files.Search("--method", "text", "--candidates", "cat=sign", "--restart").Output);
    }

    [Fact]
    public void Several_files_are_used_together_and_a_part_of_their_classes()
    {
        Assert.Equal(ExitCodes.Success, _files.Search("--classes", "cat", "-o", _files.In("cat.concept.safetensors")).ExitCode);
        Assert.Equal(ExitCodes.Success, _files.Search("--classes", "sign", "-o", _files.In("sign.concept.safetensors")).ExitCode);
        string[] both = ["--concept", _files.In("cat.concept.safetensors"), "--concept", _files.In("sign.concept.safetensors")];
        var detect = _files.Detect([_files.In("pictures"), .. both, "--json"]);
        Assert.Equal(["cat", "sign"], detect.Json().GetProperty("classes").EnumerateArray().Select(c => c.GetString()));
        var some = _files.Detect([_files.In("pictures"), .. both, "--classes", "sign", "--json"]);
        Assert.All(some.Json().GetProperty("pictures").EnumerateArray().SelectMany(p => p.GetProperty("objects").EnumerateArray()), o => Assert.Equal("sign", o.GetProperty("class").GetString()));
        Assert.All(CocoResultReader.Read(_files.In("found/detections.json")), r => Assert.Equal(2, r.CategoryId));
        Assert.True(File.Exists(_files.In("found/0003-3.png")));
        var scores = _files.Evaluate(["--data", _files.In("data.json"), "--images", _files.In("pictures"), "--model", DetectionFiles.Model, .. both, "--json"]).Json();
        Assert.Equal(["cat", "sign"], scores.GetProperty("classes").EnumerateArray().Select(c => c.GetProperty("class").GetString()));
    }
}
