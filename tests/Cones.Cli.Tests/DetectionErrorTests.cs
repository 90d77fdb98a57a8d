using Cones.Data;
using Cones.Models.Imaging;

namespace Cones.Cli.Tests;

/// <summary>What a new user of detection gets wrong: one sentence that names file and remedy, exit code 2, nothing lost.</summary>
public sealed class DetectionErrorTests : IDisposable
{
    readonly DetectionFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("a method", "concept, offset", "--method", "magic")]
    [InlineData("a start", "name, random, prototype", "--init", "magic")]
    [InlineData("a background", "none, shared, per-class", "--background", "magic")]
    [InlineData("background slots", "--background-slots", "--background", "shared", "--background-slots", "0")]
    [InlineData("a change", "none, reference", "--augment", "magic")]
    [InlineData("views", "--views", "--views", "-1")]
    [InlineData("views without a change", "--augment", "--views", "2", "--augment", "none")]
    [InlineData("a choice", "ap, loss", "--choose", "magic")]
    [InlineData("AP of nothing", "--val", "--choose", "ap")]
    [InlineData("a norm", "--norm-bound", "--norm-bound", "-1")]
    [InlineData("shots", "--shots", "--shots", "-1")]
    [InlineData("slots", "--slots", "--slots", "-1")]
    [InlineData("steps", "at least 1", "--steps", "0")]
    [InlineData("a rate", "learning rate is -1", "--lr", "-1")]
    [InlineData("a rate of letters", "as a number", "--lr", "fast")]
    [InlineData("a device", "--device", "--device", "gpu")]
    [InlineData("a precision", "fp32, bf16, fp16 (--precision)", "--precision", "int4")]
    [InlineData("training in half precision", "the method linear trains the weights themselves, which needs fp32", "--method", "linear", "--precision", "bf16", "-o", "a-model")]
    [InlineData("no such class", "only cat, sign", "--classes", "Cat")]
    [InlineData("no words", "names no class", "--classes", "cat=")]
    [InlineData("a class twice", "named twice", "--classes", "cat, cat")]
    [InlineData("candidates of nothing", "name=words|other words", "--candidates", "cat")]
    [InlineData("candidates of no class", "candidates for the class 'dog'", "--candidates", "dog=hound")]
    [InlineData("a class too long for a caption", "tokens", "--classes", "cat=cat in traffic light in traffic light in traffic light in traffic light in traffic light in traffic light in traffic light, sign")]
    [InlineData("no such concept", "no-such.concept.safetensors", "--from", "no-such.concept.safetensors")]
    [InlineData("no such model", "no-such-model", "--model", "no-such-model")]
    [InlineData("no such data", "no-such.json", "--data", "no-such.json")]
    [InlineData("no such folder", "no-such-folder", "--images", "no-such-folder")]
    [InlineData("no such validation", "no-such.json", "--val", "no-such.json")]
    [InlineData("a split of COCO", "no splits", "--split", "train")]
    [InlineData("an output of no folder", "folder does not exist", "-o", "no-such-folder/a.concept.safetensors")]
    [InlineData("an output of another kind", ".concept.safetensors", "-o", "a.json")]
    [InlineData("a concept file of a model", "writes a model", "--method", "full", "-o", "a.concept.safetensors")]
    public void A_search_refuses(string what, string part, params string[] arguments)
    {
        Assert.NotEmpty(what);
        _files.Search(arguments).MustRefuse(part);
        Assert.False(File.Exists(_files.In("cells.concept.safetensors")));
    }

    [Fact]
    public void Files_that_are_no_data_set_are_named()
    {
        foreach (var (content, part) in ((string, string)[])[
            ("", "data.json"), ("{}", "'images' is missing"), ("[]", "list"), ("no json", "data.json"), ("{\"images\": [", "data.json"), ("{\"images\": 3}", "not a list"),
            ("{\"images\": [], \"annotations\": [], \"categories\": []}", "no usable images")])
        {
            File.WriteAllText(_files.In("data.json"), content);
            _files.Search().MustRefuse(_files.In("data.json"), part);
            _files.Evaluate("--data", _files.In("data.json"), "--model", DetectionFiles.Model).MustRefuse(_files.In("data.json"));
        }

        _files.Search("--data", _files.In("pictures")).MustRefuse("no data set that is known", "COCO", "VOC", "YOLO");
        _files.Search("--data", _files.In("pictures/1.png")).MustRefuse("is no data set");
    }

    [Fact]
    public void Broken_records_are_named_and_left_out_or_refused()
    {
        _files.WriteCoco("data.json",
        [
            DetectionFiles.Images[0],
            DetectionFiles.Images[1] with { Annotations = [DetectionFiles.Cat(2), DetectionFiles.Cat(5) with { Box = new BoundingBox(200, 10, 30, 30) }, DetectionFiles.Cat(6) with { Box = new BoundingBox(80, 10, 30, 30) }, DetectionFiles.Cat(7) with { Box = new BoundingBox(8, 8, 0, 5) }, DetectionFiles.Cat(8) with { CategoryId = 77 }] },
            DetectionFiles.Images[2] with { FileName = "missing.png" },
        ]);
        var search = _files.Search();
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        foreach (var part in (string[])["5 problems", "outside its image of 96x72", "beyond its image", "without extent", "class 77", "there is no file", "missing.png"]) Assert.Contains(part, search.Error);
        _files.Search("--strict", "--restart").MustRefuse("is refused", "without the strict check", "--strict");
        _files.Evaluate("--data", _files.In("data.json"), "--images", _files.In("pictures"), "--model", DetectionFiles.Model, "--strict").MustRefuse("is refused");
    }

    [Fact]
    public void Pictures_that_cannot_be_decoded_are_left_out_or_refused()
    {
        _files.Break("pictures/2.png");
        var search = _files.Search("--json");
        Assert.Contains("2.png is cut off", search.Error);
        Assert.Equal(2, search.Json().GetProperty("train_images").GetInt32());
        _files.Search("--strict", "--restart").MustRefuse("2.png is cut off");
        var scores = _files.Evaluate("--data", _files.In("data.json"), "--images", _files.In("pictures"), "--model", DetectionFiles.Model, "--json");
        Assert.Equal(2, scores.Json().GetProperty("images").GetInt32());

        var detect = _files.Detect(_files.In("pictures"), "--classes", "cat", "--json");
        Assert.Equal(ExitCodes.Success, detect.ExitCode);
        Assert.Contains("2.png is cut off", detect.Error);
        Assert.Equal(2, detect.Json().GetProperty("pictures").GetArrayLength());
        Assert.Equal(1, detect.Json().GetProperty("skipped").GetArrayLength());
        _files.Detect(_files.In("pictures/2.png"), "--classes", "cat").MustRefuse("2.png is cut off");
        var strict = _files.Detect(_files.In("pictures"), "--classes", "cat", "--strict", "--json");
        strict.MustRefuse("2.png is cut off");

        foreach (var i in (int[])[1, 3]) _files.Break($"pictures/{i}.png");
        _files.Search("--restart").MustRefuse("no image that can be decoded");
        new RgbImage(4000, 1).Save(_files.In("pictures/1.png"));
        Assert.Contains("1.png", _files.Detect(_files.In("pictures/1.png"), "--classes", "cat").Error);
    }

    [Fact]
    public void A_picture_of_another_size_than_its_annotations_is_left_out()
    {
        new RgbImage(50, 50).Save(_files.In("pictures/3.png"));
        var search = _files.Search();
        Assert.Equal(ExitCodes.Success, search.ExitCode);
        Assert.Contains("96x72 in the data set but 50x50", search.Error);
    }

    [Fact]
    public void VOC_errors_are_named()
    {
        var voc = _files.Voc();
        File.WriteAllText(Path.Combine(voc, "Annotations", "3.xml"), "<annotation><size>");
        File.WriteAllText(Path.Combine(voc, "Annotations", "2.xml"), DetectionFiles.VocXml(DetectionFiles.Images[1]).Replace("<ymax>50</ymax>", "", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(voc, "Annotations", "4.xml"), DetectionFiles.VocXml(DetectionFiles.Images[2] with { FileName = "none.png" }));
        var search = _files.Search("--data", voc);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        foreach (var part in (string[])["3.xml", "2.xml", "<bndbox>", "4.xml", "there is no image"]) Assert.Contains(part, search.Error);
        _files.Search("--data", voc, "--strict", "--restart").MustRefuse("is refused", "3.xml");
        foreach (var file in Directory.GetFiles(Path.Combine(voc, "Annotations"))) File.WriteAllText(file, "no xml");
        _files.Search("--data", voc, "--restart").MustRefuse(voc, "no usable images");
    }

    [Fact]
    public void YOLO_errors_are_named()
    {
        var yolo = _files.Yolo();
        File.WriteAllText(Path.Combine(yolo, "train", "labels", "1.txt"), "0 0.3 0.4 0.3 0.4\n1 0.6 0.4 0.3 0.3\n7 0.5 0.5 0.2 0.2\n0 0.5 0.5\n0 nan 0.5 0.1 0.1\n0 5 5 0.1 0.1\n");
        var search = _files.Search("--data", yolo);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        foreach (var part in (string[])["1.txt", "line 3 has the class 7", "has 2 names", "line 4", "line 5", "line 6"]) Assert.Contains(part, search.Error);
        _files.Search("--data", yolo, "--strict", "--restart").MustRefuse("is refused", "class 7");

        File.WriteAllText(Path.Combine(yolo, "data.yaml"), "train: train/images\nnc: 3\nnames: [cat, sign]\n");
        _files.Search("--data", yolo).MustRefuse("data.yaml", "nc: 3");
        File.WriteAllText(Path.Combine(yolo, "data.yaml"), "train: nowhere\nnames: [cat, sign]\n");
        _files.Search("--data", yolo).MustRefuse("data.yaml", "nowhere");
        File.WriteAllText(Path.Combine(yolo, "data.yaml"), "train: train/images\n");
        _files.Search("--data", yolo).MustRefuse("data.yaml", "names");
        File.WriteAllText(Path.Combine(yolo, "data.yaml"), "names: [cat\ntrain: x");
        _files.Search("--data", yolo).MustRefuse("data.yaml", "YAML");
    }

    [Fact]
    public void Classes_that_do_not_go_together_are_named()
    {
        _files.WriteCoco("val.json", categories: [new(4, "Cat"), new(9, "Sign")]);
        _files.Search("--val", _files.In("val.json")).MustRefuse("no class 'cat', only Cat, Sign", "--val");
        _files.WriteCoco("twice.json", categories: [new(4, "cat"), new(9, "cat")]);
        _files.Search("--data", _files.In("twice.json"), "--images", _files.In("pictures"), "--classes", "cat").MustRefuse("2 classes called 'cat'", "4, 9");
        _files.Evaluate("--data", _files.In("twice.json"), "--images", _files.In("pictures"), "--model", DetectionFiles.Model, "--classes", "cat").MustRefuse("2 classes called 'cat'");
        _files.WriteCoco("unused.json", categories: [new(4, "cat"), new(9, "sign"), new(11, "boat")]);
        _files.Search("--data", _files.In("unused.json"), "--images", _files.In("pictures")).MustRefuse("no training image shows the class 'boat'", "--classes");
        _files.WriteCoco("empty.json", [.. DetectionFiles.Images.Select(i => i with { Annotations = [] })]);
        _files.Search("--val", _files.In("empty.json")).MustRefuse("no validation image shows any of the classes", "--val");
        _files.Search("--data", _files.In("empty.json"), "--images", _files.In("pictures")).MustRefuse("no usable boxes");
    }

    [Fact]
    public void A_concept_that_does_not_fit_is_refused_and_one_that_was_found_is_never_lost()
    {
        Assert.Equal(ExitCodes.Success, _files.Search().ExitCode);
        var concept = _files.In("cells.concept.safetensors");
        var bytes = File.ReadAllBytes(concept);
        _files.Search("--lr", "0.01").MustRefuse("learning_rate", "--restart");
        _files.Search("--shots", "1").MustRefuse("--restart");
        _files.Search("--lr", "1e30", "--clip-norm", "0", "--steps", "40", "--evaluate-every", "0", "--early-stop", "none", "--restart").MustRefuse("lower the learning rate");
        Assert.Equal(bytes, File.ReadAllBytes(concept));

        _files.Search("--from", concept, "--model", DetectionFiles.OtherModel, "-o", _files.In("b.concept.safetensors")).MustRefuse("another model", concept);
        _files.Search("--from", concept, "--classes", "cat", "-o", _files.In("b.concept.safetensors")).MustRefuse("--classes");
        _files.Search("--from", concept, "--slots", "2", "-o", _files.In("b.concept.safetensors")).MustRefuse("--slots");
        _files.Search("--from", concept, "--method", "soft-context", "-o", _files.In("b.concept.safetensors")).MustRefuse("soft-context", "--from");
        _files.Search("--from", _files.In("data.json"), "-o", _files.In("b.concept.safetensors")).MustRefuse("data.json");
        Cli.Run("detect", _files.In("pictures"), "--model", DetectionFiles.OtherModel, "--concept", concept).MustRefuse("another model");
        Cli.Run("detect", _files.In("pictures"), "--model", DetectionFiles.Model, "--concept", concept, "--concept", concept).MustRefuse("as another file has");
        using (var drawn = new TestFiles())
            Cli.Run("detect", _files.In("pictures"), "--model", DetectionFiles.Model, "--concept", drawn.Concept()).MustRefuse("for generation", "--concept");
        File.WriteAllBytes(concept, bytes[..(bytes.Length - 20)]);
        Cli.Run("detect", _files.In("pictures"), "--model", DetectionFiles.Model, "--concept", concept).MustRefuse(concept);
    }

    [Fact]
    public void Places_that_cannot_be_written_are_found_before_the_work()
    {
        File.WriteAllText(_files.In("file"), "");
        _files.Search("--run", _files.In("file")).MustRefuse("file", "choose another");
        _files.Search("-o", _files.Folder).MustRefuse("is a folder", "--output");
        _files.Search("-o", _files.In("file/a.concept.safetensors")).MustRefuse("file/a.concept.safetensors");
        _files.Search("--method", "full", "-o", _files.In("file")).MustRefuse("is a file", "--output");
        _files.Search("--method", "full", "-o", _files.In("none/model")).MustRefuse("none/model", "folder does not exist");
        _files.Search("--method", "linear", "-o", DetectionFiles.Model).MustRefuse("the folder of the model itself", "--output");
        _files.Detect(_files.In("pictures"), "--classes", "cat", "-o", _files.In("file/found")).MustRefuse("file/found", "--output");
        _files.Evaluate("--data", _files.In("data.json"), "--images", _files.In("pictures"), "--model", DetectionFiles.Model, "-o", _files.In("none/r.json")).MustRefuse("none/r.json");
        using (Cones.Search.Runs.RunFolder.Open(_files.In("cells.run"))) _files.Search().MustRefuse("in use");
    }

    [Fact]
    public void Results_of_other_images_are_refused()
    {
        File.WriteAllText(_files.In("r.json"), "[{\"image_id\": 777, \"category_id\": 4, \"score\": 0.5, \"bbox\": [1, 2, 3, 4]}]");
        Evaluate().MustRefuse("none of the 1 results", "r.json", "--data");
        File.WriteAllText(_files.In("r.json"), "[{\"image_id\": 777, \"category_id\": 4, \"score\": 0.5, \"bbox\": [1, 2, 3, 4]}, {\"image_id\": 10, \"category_id\": 4, \"score\": 0.5, \"bbox\": [8, 10, 30, 30]}]");
        Assert.Contains("1 of 2 results", Evaluate().Error);
        File.WriteAllText(_files.In("r.json"), "[{\"image_id\": 10}]");
        Evaluate().MustRefuse("r.json", "result 0");
        File.WriteAllText(_files.In("r.json"), "{}");
        Evaluate().MustRefuse("r.json", "begin with [");
        _files.Evaluate("--data", _files.In("data.json"), "--results", _files.In("none.json")).MustRefuse("none.json");

        Cli Evaluate() => _files.Evaluate("--data", _files.In("data.json"), "--results", _files.In("r.json"));
    }
}
