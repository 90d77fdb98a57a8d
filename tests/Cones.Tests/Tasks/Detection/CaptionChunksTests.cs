using Cones.Data;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Search.Runs;
using Cones.Tasks.Detection;
using Cones.Tests.Search;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Detection;

/// <summary>More classes than a caption takes, with the goldens' tiny models made to take few tokens.</summary>
public sealed class CaptionChunksTests : IDisposable
{
    static readonly ClassPrompt[] s_classes = [new("cat", "cat"), new("remote control", "remote control")];

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("glip")]
    [InlineData("dino")]
    public void Classes_go_into_as_few_captions_as_take_them(string family)
    {
        using var wide = Load(family, 20);
        var whole = wide.LayOut(s_classes).Length;
        using (var fits = Load(family, whole)) Assert.Equal([2], CaptionChunks.Split(fits, s_classes));
        using var narrow = Load(family, whole - 1);
        Assert.Equal([1, 1], CaptionChunks.Split(narrow, s_classes));
        Assert.Equal([1, 1], CaptionChunks.Split(wide, s_classes, tokens => tokens + 8));
        Assert.Equal([1, 1], CaptionChunks.Split(wide, s_classes, reserve: 20 - whole + 1));
        Assert.Contains("'cat' makes a caption", Assert.Throws<ConesException>(() => CaptionChunks.Split(narrow, s_classes, tokens => tokens * 4)).Message);
    }

    [Theory]
    [InlineData("glip")]
    [InlineData("dino")]
    public void Every_part_finds_what_it_finds_alone(string family)
    {
        using var detector = Narrow(family);
        var image = DrawnData.Make(_folder.Path, 1).Images[0].Load();
        using var all = ObjectFinder.OfClasses(detector, s_classes);
        var found = all.Find(image);
        for (var c = 0; c < s_classes.Length; c++)
        {
            using var alone = ObjectFinder.OfClasses(detector, [s_classes[c]]);
            Assert.Equal(alone.Find(image).Select(f => f.Score), found.Where(f => f.Class == c).Select(f => f.Score));
        }

        Assert.Equal(found.Select(f => f.Score).OrderDescending(), found.Select(f => f.Score));
    }

    [Theory]
    [InlineData("glip", DetectionMethod.Concept)]
    [InlineData("glip", DetectionMethod.Offset)]
    [InlineData("glip", DetectionMethod.PseudoWord)]
    [InlineData("dino", DetectionMethod.Concept)]
    [InlineData("dino", DetectionMethod.SoftContext)]
    public void A_search_over_several_captions_gives_one_file_that_is_found_with(string family, DetectionMethod method)
    {
        using var detector = Narrow(family);
        var defaults = DetectionSearchOptions.DefaultSearch(method);
        var options = new DetectionSearchOptions
        {
            Model = family,
            Train = DrawnData.Make(_folder.Path, 2),
            Validation = DrawnData.Make(_folder.Path, 2, seed: 2),
            Choice = StepChoice.Loss,
            Method = method,
            Slots = method == DetectionMethod.SoftContext ? 1 : 0,
            Search = defaults with { Steps = 8, Accumulate = 2, EvaluationInterval = 4, CheckpointInterval = 2, Seed = 3 },
        };
        var path = _folder["all.concept.safetensors"];
        using (var folder = RunFolder.Open(_folder["run"]))
        using (var result = DetectionSearch.Run(detector, options, folder))
        {
            Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
            Assert.Equal([1, 1], result.Concept.Metadata.Captions);
            result.Concept.Save(path);
        }

        using var finder = ObjectFinder.OfConcepts(detector, [path], "tiny");
        Assert.Equal(["cat", "remote control"], finder.Names);
        var image = options.Train.Images[0].Load();
        Assert.Equal([0, 1], finder.Find(image).Select(f => f.Class).Distinct().Order());
        finder.Select(["remote control"]);
        Assert.All(finder.Find(image), f => Assert.Equal(1, f.Class));
    }

    [Theory]
    [InlineData("glip")]
    [InlineData("dino")]
    public void Captions_stand_one_after_the_other_and_come_apart_again(string family)
    {
        using var scope = NewDisposeScope();
        using var narrow = Narrow(family);
        var detector = CaptionChunks.For(narrow, [1, 1]);
        Assert.Same(narrow, CaptionChunks.For(detector, [2]));
        using var both = detector.EncodeCaption(s_classes);
        CaptionEncoding[] alone = [.. s_classes.Select(c => narrow.EncodeCaption([c]))];
        Assert.Equal(alone.Sum(a => a.Length), both.Length);
        Assert.True(both.Hidden.equal(cat([.. alone.Select(a => a.Hidden)], 1)).all().item<bool>());
        Assert.True(detector.EncodeWords(both.Words!, both.Classes).allclose(both.Hidden, rtol: 1e-5, atol: 1e-5));
        Assert.Equal([both.Length, 2], [detector.LayOut(s_classes).Length, detector.LayOut(s_classes).Classes.Count]);

        // With learned slots before or in place of the names.
        var data = DrawnData.Make(_folder.Path, 1);
        var features = narrow.EncodeImage(data.Images[0].Load());
        IReadOnlyList<BoundingBox> boxes = [.. data.Images[0].Annotations.Select(a => a.Box)];
        var targets = detector.Assign(features, data.Images[0].Size, boxes, [0, 1]);
        foreach (var kind in (BackgroundKind[])[BackgroundKind.None, BackgroundKind.Shared, BackgroundKind.Caption])
        {
            using var prompt = new ClassSlotsPrompt(both, ClassVectors.OfNames(both, 2, 1), ClassVectors.OfBackground(both, kind, 1, 1));
            var loss = detector.Loss(features, prompt.Build([0]), prompt.Classes, targets);
            var (judged, _) = detector.Judge(features, data.Images[0].Size, prompt.Build([0]), prompt.Classes, targets);
            Assert.Equal(loss.item<float>(), judged, 1e-4);
            loss.backward();
            Assert.All(Enumerable.Range(0, 4), slot => Assert.True(prompt.Moves.grad![slot].abs().sum().item<float>() > 0));
        }

        foreach (var caption in alone) caption.Dispose();
    }

    [Fact]
    public void A_linear_probe_takes_one_caption()
    {
        using var detector = Narrow("glip");
        var options = new DetectionSearchOptions { Model = "", Train = DrawnData.Make(_folder.Path, 1), Method = DetectionMethod.Linear };
        Assert.Contains("2 captions", Assert.Throws<ConesException>(() => DetectionSearch.Run(detector, options)).Message);
    }

    // Takes one of the two classes, with a context word before it.
    IDetector Narrow(string family)
    {
        using var wide = Load(family, 20);
        return Load(family, wide.LayOut(s_classes).Length - 1);
    }

    IDetector Load(string family, int tokens) => family == "glip"
        ? Detectors.Load(ModelCopy.Make(DrawnData.Model, _folder[$"glip-{tokens}"], "glip_config.json", j => SetMaxTokens(j, tokens)))
        : Detectors.Load(ModelCopy.Make(DrawnData.Golden("grounding-dino/e2e-caption/model"), _folder[$"dino-{tokens}"], "config.json", j => j["max_text_len"] = tokens));

    static void SetMaxTokens(System.Text.Json.Nodes.JsonObject json, int tokens)
    {
        foreach (var (key, node) in json.ToArray())
        {
            if (key.Contains("max_query_len", StringComparison.OrdinalIgnoreCase)) json[key] = tokens;
            else if (node is System.Text.Json.Nodes.JsonObject child) SetMaxTokens(child, tokens);
        }
    }
}
