using System.Text.Json;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Instances;
using Cones.Data.Masks;
using Cones.Models.Imaging;

namespace Cones.Cli.Tests;

/// <summary>From pictures with masks to concepts to masks and their scores, with the tiny segmenters of the goldens.</summary>
public sealed class SegmentationTests : IDisposable
{
    static readonly string s_sam = Path.Combine(TestFiles.Root, "tests", "goldens", "sam", "model_a");
    static readonly string s_detector = Path.Combine(TestFiles.Root, "tests", "goldens", "glip", "model_a");
    readonly string _folder = Directory.CreateTempSubdirectory("cones-cli-").FullName;
    readonly string _sam3;

    public SegmentationTests()
    {
        SegmentationPictures.Write(_folder);
        _sam3 = SegmentationPictures.Sam3WithTokenizer(In("sam3"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("concept")]
    [InlineData("concept", "--no-boxes")]
    [InlineData("text")]
    public void Sam_is_searched_used_and_scored(string method, params string[] more)
    {
        var concept = In("cells.concept.safetensors");
        var search = Search(s_sam, concept, ["--method", method, "--val", In("data.json"), "--shots", "2", .. more]);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Contains("loss on 3 validation images", search.Output);
        Assert.Contains("AP of masks on 3 validation images", search.Output);
        Assert.Equal(method == "concept" && more.Length == 0, search.Output.Contains("boxes alone", StringComparison.Ordinal));
        Assert.Contains("cones segment", search.Output);

        string[] boxes = more.Length > 0 ? more : ["--boxes", In("boxes.json")];
        var segment = Cli.Run(["segment", In("pictures"), "--model", s_sam, "--concept", concept, "--threshold", "0", "-o", In("found"), "--json", .. Cache, .. boxes]);
        Assert.True(segment.ExitCode == ExitCodes.Success, segment.Error);
        var results = CocoResultReader.Read(In("found/segmentations.json"));
        Assert.Equal(results.Count, segment.Json().GetProperty("objects").GetInt32());
        if (more.Length == 0) Assert.InRange(results.Count, 1, 6);
        Assert.All(results, r => Assert.True(r.Box is null && r.Segmentation!.Mask is { Width: 48, Height: 36 }));
        Assert.True(File.Exists(In("found/0001-1.png")));
        Assert.Equal(48, LabelImage.Load(In("found/labels/0001-1.png")).Width);
        Assert.StartsWith("image_id,image,width,height,objects\n1,", File.ReadAllText(In("found/images.csv")), StringComparison.Ordinal);

        string[] judged = more.Length > 0 ? more : ["--true-boxes"];
        var scores = Cli.Run(["evaluate", "segmentation", "--data", In("data.json"), "--model", s_sam, "--concept", concept, "--json", "-o", In("results.json"), "--threshold", "0", .. Cache, .. judged]).Json();
        Assert.Equal("cell", scores.GetProperty("classes")[0].GetProperty("class").GetString());
        foreach (var name in (string[])["ap50", "dsb", "dice"]) Assert.InRange(scores.GetProperty(name).GetDouble(), 0, 1);
        var again = Cli.Run("evaluate", "segmentation", "--data", In("data.json"), "--results", In("results.json"), "--threshold", "0", "--json").Json();
        foreach (var name in (string[])["ap", "ap50", "dsb", "dice"]) Assert.Equal(scores.GetProperty(name).GetDouble(), again.GetProperty(name).GetDouble(), 1e-9);
        Assert.Contains("DSB", Cli.Run("evaluate", "segmentation", "--data", In("data.json"), "--results", In("results.json")).Output);
    }

    [Theory]
    [InlineData("concept")]
    [InlineData("offset")]
    [InlineData("pseudo-word")]
    [InlineData("text")]
    public void Sam3_is_searched_used_and_scored(string method)
    {
        var concept = In("cells.concept.safetensors");
        var search = Search(_sam3, concept, "--method", method);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        var segment = Cli.Run(["segment", In("pictures"), "--model", _sam3, "--concept", concept, "--threshold", "0", "-o", In("found"), "--json", .. Cache]);
        Assert.True(segment.ExitCode == ExitCodes.Success, segment.Error);
        Assert.Equal(["cell"], segment.Json().GetProperty("classes").EnumerateArray().Select(c => c.GetString()));
        var scores = Cli.Run(["evaluate", "segmentation", "--data", In("data.json"), "--model", _sam3, "--concept", concept, "--json", .. Cache]);
        Assert.InRange(scores.Json().GetProperty("ap").GetDouble(), 0, 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tuning_writes_a_model_that_segments(bool encoder)
    {
        string[] more = encoder ? ["--tune-encoder"] : [];
        var search = Search(s_sam, In("tuned"), ["--method", "full", .. more]);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(s_sam, "model.safetensors")), File.ReadAllBytes(In("tuned/model.safetensors")));
        var segment = Cli.Run(["segment", In("pictures"), "--model", In("tuned"), "--boxes", In("boxes.json"), "-o", In("found"), .. Cache]);
        Assert.True(segment.ExitCode == ExitCodes.Success, segment.Error);
        Search(s_sam, In("x.concept.safetensors"), "--method", "full").MustRefuse("name a folder");
        if (encoder) return;
        // A second stage: the weights are tuned with a concept's tokens, and both are used together.
        Assert.Equal(ExitCodes.Success, Search(s_sam, In("first.concept.safetensors")).ExitCode);
        var second = Search(s_sam, In("second"), "--method", "full", "--start", In("first.concept.safetensors"), "--choose", "loss");
        Assert.True(second.ExitCode == ExitCodes.Success, second.Error);
        Assert.Contains($"--model {In("second")} --concept {In("first.concept.safetensors")}", second.Output);
        var both = Cli.Run(["evaluate", "segmentation", "--data", In("data.json"), "--model", In("second"), "--concept", In("first.concept.safetensors"), "--true-boxes", .. Cache]);
        Assert.True(both.ExitCode == ExitCodes.Success, both.Error);
    }

    [Fact]
    public void Loose_boxes_are_judged_and_a_tuned_model_that_reads_names_is_told_them()
    {
        string[] judge = ["evaluate", "segmentation", "--data", In("data.json"), "--true-boxes", "--json", .. Cache];
        var tight = Cli.Run(judge).Json();
        var loose = Cli.Run([.. judge, "--box-margin", "0.5"]).Json();
        Assert.NotEqual(tight.GetProperty("dice").GetDouble(), loose.GetProperty("dice").GetDouble());
        Assert.Equal(0.5, loose.GetProperty("box_margin").GetDouble());
        Assert.False(tight.TryGetProperty("box_margin", out _));
        var full = Search(_sam3, In("full"), "--method", "full");
        Assert.Contains($"cones segment PICTURES --model {In("full")} --classes cell", full.Output);
    }

    [Fact]
    public void The_embedded_model_outlines_what_boxes_show()
    {
        var picture = RgbImage.Filled(128, 128, new Rgb(60, 90, 60));
        for (var y = 30; y < 70; y++)
            for (var x = 20; x < 80; x++)
                if (((x - 50) * (x - 50) / 900.0) + ((y - 50) * (y - 50) / 400.0) < 1) picture[x, y] = new Rgb(220, 60, 60);
        picture.Save(In("ellipse.png"));
        Write("ellipse.json", """[{"image_id":1,"category_id":1,"bbox":[20,30,60,40],"score":1}]""");
        var segment = Cli.Run(["segment", In("ellipse.png"), "--boxes", In("ellipse.json"), "-o", In("found"), .. Cache]);
        Assert.True(segment.ExitCode == ExitCodes.Success, segment.Error);
        var mask = Assert.Single(CocoResultReader.Read(In("found/segmentations.json"))).Segmentation!.Mask!;
        var expected = RleMask.Encode(128, 128, [.. picture.Pixels.Where((_, i) => i % 3 == 0).Select(r => (byte)(r == 220 ? 1 : 0))]);
        Assert.InRange(mask.Iou(expected), 0.85, 1); // of the box 0.79
        var drawn = Cli.Run(["segment", In("ellipse.png"), "--box", "20,30,80,70", "-o", In("drawn"), .. Cache]);
        Assert.True(drawn.ExitCode == ExitCodes.Success, drawn.Error);
        Assert.Equal(mask.ToCompressed(), Assert.Single(CocoResultReader.Read(In("drawn/segmentations.json"))).Segmentation!.Mask!.ToCompressed());
        var named = Cli.Run(["segment", In("ellipse.png"), "--classes", "hand, egg", "--box", "egg=20,30,80,70", "--box", "hand=20,30,50,70", "-o", In("drawn"), "--json", .. Cache]);
        Assert.Equal(2, named.Json().GetProperty("objects").GetInt32());
    }

    [Fact]
    public void A_detector_finds_the_boxes()
    {
        var concept = In("cells.concept.safetensors");
        Assert.Equal(ExitCodes.Success, Search(s_sam, concept).ExitCode);
        string[] detector = ["--detector", s_detector, "--detector-classes", "cell=cat"];
        var evaluate = Cli.Run(["evaluate", "segmentation", "--data", In("data.json"), "--model", s_sam, "--concept", concept, "--json", .. Cache, .. detector]);
        Assert.True(evaluate.ExitCode == ExitCodes.Success, evaluate.Error);
        Assert.Equal("found", evaluate.Json().GetProperty("boxes").GetString());
        var segment = Cli.Run(["segment", In("pictures/1.png"), "--model", s_sam, "-o", In("found"), "--threshold", "0", .. Cache, .. detector]);
        Assert.True(segment.ExitCode == ExitCodes.Success, segment.Error);
        Cli.Run(["segment", In("pictures"), "--model", s_sam, "--concept", concept, "--detector", s_detector, "--detector-classes", "cat", "-o", In("found"), .. Cache]).MustRefuse("the detector finds cat", "the concept is of cell");
    }

    [Fact]
    public void Half_precision_is_searched_used_and_scored_with_a_detector_of_it()
    {
        var concept = In("cells.concept.safetensors");
        string[] how = ["--precision", "bf16", "--detector", s_detector, "--detector-classes", "cell=cat"];
        var search = Search(s_sam, concept, "--precision", "bf16");
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Contains("\"precision\": \"bf16\"", File.ReadAllText(In("cells.run/options.json")));
        var segment = Cli.Run(["segment", In("pictures/1.png"), "--model", s_sam, "--concept", concept, "-o", In("found"), "--threshold", "0", .. Cache, .. how]);
        Assert.True(segment.ExitCode == ExitCodes.Success, segment.Error);
        var evaluate = Cli.Run(["evaluate", "segmentation", "--data", In("data.json"), "--model", s_sam, "--concept", concept, "--json", .. Cache, .. how]);
        Assert.InRange(evaluate.Json().GetProperty("ap").GetDouble(), 0, 1);
        Search(s_sam, In("tuned"), "--method", "full", "--precision", "fp16").MustRefuse("the method full trains the weights themselves, which needs fp32", "--precision");
        Search(s_sam, concept, "--precision", "half").MustRefuse("fp32, bf16, fp16", "--precision");
    }

    [Fact]
    public void Boxes_of_a_list_train_a_concept()
    {
        var concept = In("cells.concept.safetensors");
        Write("listed.json", """[{"image_id":10,"category_id":4,"bbox":[9,6,15,15],"score":0.9},{"image_id":20,"category_id":4,"bbox":[0,0,4,4],"score":0.5},{"image_id":30,"category_id":4,"bbox":[8,15,16,15],"score":0.4}]""");
        var search = Search(s_sam, concept, "--boxes", In("listed.json"), "--json");
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Contains("for 4 objects no box was found", search.Error);
        Search(s_sam, concept, "--boxes", In("listed.json"), "--val", In("data.json")).MustRefuse("--val-boxes");
        Write("others.json", """[{"image_id":10,"category_id":77,"bbox":[9,6,15,15],"score":0.9}]""");
        Search(s_sam, concept, "--boxes", In("others.json"), "--restart").MustRefuse("no box of the classes cell");
    }

    [Fact]
    public void Every_layout_of_masks_is_read()
    {
        var dataset = CocoReader.Read(In("data.json")).Dataset;
        foreach (var image in dataset.Images)
        {
            var stem = Path.GetFileNameWithoutExtension(image.FileName);
            Directory.CreateDirectory(In($"dsb/{stem}/images"));
            Directory.CreateDirectory(In($"dsb/{stem}/masks"));
            File.Copy(image.Path!, In($"dsb/{stem}/images/{stem}.png"));
            foreach (var a in image.Annotations) a.Segmentation!.ToMask(36, 48).ToImage().ToImage().Save(In($"dsb/{stem}/masks/{a.Id}.png"));
            Directory.CreateDirectory(In("labels"));
            var labels = LabelMasks.Join(image);
            for (var i = 0; i < labels.Labels.Length; i++) labels.Labels[i] *= 300; // 16 bit
            labels.Save(In($"labels/{stem}.png"));
        }

        var expected = Search(s_sam, In("a.concept.safetensors"), "--json", "--classes", "cell").Json().GetProperty("start_loss").GetDouble();
        var dsb = Cli.Run(["search", "segmentation", "--data", In("dsb"), "--class", "cell", "--model", s_sam, "-o", In("b.concept.safetensors"), "--json", .. Cache, .. Few]);
        Assert.Equal(expected, dsb.Json().GetProperty("start_loss").GetDouble(), 1e-6);
        var label = Cli.Run(["search", "segmentation", "--data", In("labels"), "--images", In("pictures"), "--class", "cell", "--model", s_sam, "-o", In("c.concept.safetensors"), "--json", .. Cache, .. Few]);
        Assert.Equal(expected, label.Json().GetProperty("start_loss").GetDouble(), 1e-6);
    }

    [Fact]
    public void The_same_command_again_returns_the_finished_search_and_encodes_nothing()
    {
        var concept = In("cells.concept.safetensors");
        Assert.Equal(3, Search(s_sam, concept, "--json").Json().GetProperty("encoded_images").GetInt32());
        var bytes = File.ReadAllBytes(concept);
        Assert.Equal(0, Search(s_sam, concept, "--json").Json().GetProperty("encoded_images").GetInt32());
        Assert.Equal(bytes, File.ReadAllBytes(concept));
        Assert.Equal(3, Search(_sam3, In("other.concept.safetensors"), "--json").Json().GetProperty("encoded_images").GetInt32());
        Search(s_sam, concept, "--slots", "3").MustRefuse("slots was 0 and is 3 now", "--restart");
        Assert.Equal(ExitCodes.Success, Search(s_sam, concept, "--slots", "3", "--restart").ExitCode);
        Assert.Equal(ExitCodes.Success, Cli.Run("concept", "show", concept).ExitCode);
    }

    [Fact]
    public void What_cannot_be_used_is_one_sentence()
    {
        var concept = In("cells.concept.safetensors");
        Assert.Equal(ExitCodes.Success, Search(s_sam, concept).ExitCode);
        Write("boxes10.json", """[{"image_id":10,"category_id":4,"bbox":[9,6,15,15],"score":0.9}]""");
        Cli.Run(["segment", In("pictures"), .. Cache]).MustRefuse("segments what boxes show");
        Segment(s_sam, "--concept", concept).MustRefuse("segments what boxes show", "--detector", "--boxes");
        Segment(s_sam, "--no-boxes").MustRefuse("name a concept");
        Segment(s_sam, "--concept", concept, "--no-boxes", "--boxes", In("boxes.json")).MustRefuse("leave one out");
        Segment(s_sam, "--concept", concept, "--boxes", In("none.json")).MustRefuse("does not exist", "--boxes");
        Segment(s_sam, "--concept", concept, "--detector-classes", "cat").MustRefuse("no detector", "--detector");
        foreach (var box in (string[])["1,2,3", "a,b,c,d", "5,5,5,9", "9,1,3,4", "1,2,nan,4"]) Segment(s_sam, "--box", box).MustRefuse("is no box", "--box");
        Segment(s_sam, "--box", "dog=1,2,30,40", "--concept", concept).MustRefuse("the class 'dog'", "cell");
        Segment(s_sam, "--box", "1,2,30,40", "--classes", "cat,dog").MustRefuse("NAME=1,2,30,40", "cat, dog");
        Segment(s_sam, "--box", "1,2,30,40", "--no-boxes").MustRefuse("leave one out");
        Segment(_sam3, "--box", "1,2,30,40", "--classes", "cell").MustRefuse("leave the boxes out");
        Segment(_sam3).MustRefuse("nothing to segment");
        Segment(s_sam, "--concept", concept, "--boxs", In("boxes.json")).MustRefuse("'--boxs' is no option of `cones segment`; did you mean --boxes?");
        Cli.Run("detect", In("pictures"), "--concpt", concept).MustRefuse("'--concpt' is no option of `cones detect`; did you mean --concept?");
        Cli.Run(["segment", In("pictures"), "--model", s_sam, "--boxes", In("boxes.json"), "-o", In("data.json/found"), .. Cache]).MustRefuse("cannot be made", "--output");
        Assert.Equal(ExitCodes.Success, Search(s_sam, In("none.concept.safetensors"), "--method", "text").ExitCode);
        Segment(s_sam, "--concept", In("none.concept.safetensors"), "--no-boxes").MustRefuse("'cell' has no tokens", "--boxes");
        Segment(_sam3, "--classes", "cell", "--no-boxes").MustRefuse("leave the boxes out");
        Segment(_sam3, "--concept", concept).MustRefuse("another model", "sam");
        Segment(s_detector, "--classes", "cell").MustRefuse("not a segmenter");
        Segment(_sam3, "--classes", new string('a', 40)).MustRefuse("tokens");
        Segment(s_sam, "--concept", concept, "--boxes", In("boxes.json"), "--threshold", "2").MustRefuse("0 to 1");
        Search(s_sam, In("x.concept.safetensors"), "--method", "offset").MustRefuse("SAM reads no text");
        Search(s_sam, In("x.concept.safetensors"), "--method", "text", "--no-boxes").MustRefuse("without boxes");
        Search(s_sam, In("x.concept.safetensors"), "--tune-encoder").MustRefuse("--tune-encoder");
        Search(s_sam, In("x.concept.safetensors"), "--choose", "ap").MustRefuse("--val", "--choose loss");
        Search(s_sam, In("x.concept.safetensors"), "--choose", "best").MustRefuse("ap, loss");
        Search(s_sam, In("x.concept.safetensors"), "--start", In("none")).MustRefuse("does not exist", "--start");
        Search(_sam3, In("x.concept.safetensors"), "--mask-loss", "cross-entropy").MustRefuse("its own loss");
        Search(_sam3, In("x.concept.safetensors"), "--boxes", In("boxes10.json")).MustRefuse("leave the boxes out");
        Search(s_sam, In("x.concept.safetensors"), "--box-margin", "2").MustRefuse("--box-margin");
        Search(s_sam, In("x.concept.safetensors"), "--no-boxes", "--box-margin", "0.2").MustRefuse("--box-margin");
        Cli.Run(["evaluate", "segmentation", "--data", In("data.json"), "--model", s_sam, "--boxes", In("boxes10.json"), "--box-margin", "0.2", .. Cache]).MustRefuse("--box-margin");
        Cli.Run(["search", "segmentation", "--data", In("pictures"), "--model", s_sam]).MustRefuse("label images", "--images");
        Search(s_sam, In("x.concept.safetensors"), "--objects", "0").MustRefuse("--objects");
        Search(s_sam, In("x.concept.safetensors"), "--feature-cache-size", "-1").MustRefuse("--feature-cache-size");
        Search(s_sam, In("x.concept.safetensors"), "--classes", "boat").MustRefuse("no class 'boat'");
        Cli.Run("evaluate", "segmentation", "--data", In("data.json"), "--model", s_sam).MustRefuse("--true-boxes");
        Cli.Run("evaluate", "segmentation", "--data", In("data.json"), "--results", "x", "--true-boxes").MustRefuse("leave one out");
        Cli.Run("detect", In("pictures"), "--model", s_detector, "--concept", concept).MustRefuse("segmentation");
        File.Delete(Path.Combine(_sam3, "vocab.json"));
        Segment(_sam3, "--classes", "cell").MustRefuse("vocab.json");
    }

    [Fact]
    public void Broken_masks_are_named_and_left_out()
    {
        Write("broken.json", """
            {"images":[{"id":10,"file_name":"1.png","width":48,"height":36},{"id":20,"file_name":"2.png","width":48,"height":36}],
             "categories":[{"id":4,"name":"cell"}],
             "annotations":[
              {"id":1,"image_id":10,"category_id":4,"bbox":[1,1,9,9],"area":81,"segmentation":{"size":[20,20],"counts":[0,400]}},
              {"id":2,"image_id":10,"category_id":4,"bbox":[1,1,9,9],"area":81,"segmentation":{"size":[36,48],"counts":[0,100]}},
              {"id":3,"image_id":10,"category_id":4,"bbox":[1,1,9,9],"area":81,"segmentation":{"size":[36,48],"counts":[1728]}},
              {"id":4,"image_id":20,"category_id":4,"bbox":[4,4,12,12],"area":144,"segmentation":[[4,4,16,4,16,16,4,16]]},
              {"id":5,"image_id":20,"category_id":4,"bbox":[8,8,12,12],"area":144,"segmentation":[[8,8,20,8,20,20,8,20]]},
              {"id":6,"image_id":20,"category_id":4,"bbox":[8,8,12,12],"area":144}]}
            """);
        var search = Cli.Run(["search", "segmentation", "--data", In("broken.json"), "--images", In("pictures"), "--model", s_sam, "-o", In("x.concept.safetensors"), .. Cache, .. Few]);
        Assert.True(search.ExitCode == ExitCodes.Success, search.Error);
        Assert.Contains("annotation 1 of image 10 has a mask of 20x20, its image has 48x36", search.Error);
        Assert.Contains("annotation 2 of image 10", search.Error);
        Assert.Contains("annotation 3 of image 10 has an empty mask", search.Error);
        Assert.Contains("1 objects have no mask", search.Error);
        Cli.Run(["search", "segmentation", "--data", In("broken.json"), "--images", In("pictures"), "--model", s_sam, "--strict", .. Cache]).MustRefuse("is refused");
    }

    [Fact]
    public void A_picture_that_cannot_be_used_costs_no_results_of_the_others()
    {
        File.WriteAllText(In("pictures/2.png"), "no picture");
        SegmentationPictures.WriteHuge(In("pictures/0.png"), 20_000);
        var segment = Cli.Run(["segment", In("pictures"), "--model", s_sam, "--boxes", In("boxes.json"), "-o", In("found"), "--threshold", "0", .. Cache]);
        Assert.Equal(ExitCodes.BadInput, segment.ExitCode);
        Assert.Contains("0.png has 20000x20000", segment.Error);
        Assert.Contains("2.png is not a", segment.Error);
        Assert.Contains("2 pictures could not be used", segment.Error);
        Assert.NotEmpty(CocoResultReader.Read(In("found/segmentations.json")));
        Assert.True(File.Exists(In("found/labels/0002-1.png")));
    }

    [Fact]
    public void A_huge_picture_of_the_data_is_left_out_before_any_work()
    {
        SegmentationPictures.WriteHuge(In("pictures/0.png"), 20_000);
        var text = File.ReadAllText(In("data.json"));
        Write("huge.json", text.Replace("\"images\":[", "\"images\":[{\"id\":77,\"file_name\":\"pictures/0.png\",\"width\":20000,\"height\":20000},", StringComparison.Ordinal));
        string[] evaluate = ["evaluate", "segmentation", "--model", s_sam, "--true-boxes", "--json", .. Cache];
        var with = Cli.Run([.. evaluate, "--data", In("huge.json")]);
        Assert.Contains("pictures/0.png has 20000x20000 pixels", with.Error);
        Assert.Equal(3, with.Json().GetProperty("images").GetInt32());
        Cli.Run(["search", "segmentation", "--data", In("huge.json"), "--model", s_sam, "--strict", .. Cache]).MustRefuse("20000x20000", "make it smaller");
    }

    [Fact]
    public void Results_of_other_pictures_are_refused()
    {
        Write("results.json", """[{"image_id":10,"category_id":4,"score":0.5,"segmentation":{"size":[20,20],"counts":[0,400]}}]""");
        Cli.Run("evaluate", "segmentation", "--data", In("data.json"), "--results", In("results.json")).MustRefuse("a mask of 20x20 for image 10 of 48x36");
    }

    string[] Cache => ["--feature-cache", In("cache")];

    static string[] Few => ["--steps", "2", "--accumulate", "1", "--evaluate-every", "1"];

    string In(string name) => Path.Combine(_folder, name);

    void Write(string name, string text) => File.WriteAllText(In(name), text);

    Cli Segment(string model, params string[] more) => Cli.Run(["segment", In("pictures"), "--model", model, "-o", In("found"), .. Cache, .. more]);

    Cli Search(string model, string concept, params string[] more) =>
        Cli.Run(["search", "segmentation", "--data", In("data.json"), "--model", model, "-o", concept, .. Cache, .. Few, .. more]);
}
