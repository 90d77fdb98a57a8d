using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Search.Runs;
using Cones.Tasks.Detection;
using Cones.Tests.Search;

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
        using (var fits = Load(family, whole)) Assert.Single(CaptionChunks.Split(fits, s_classes));
        using var narrow = Load(family, whole - 1);
        Assert.Equal(2, CaptionChunks.Split(narrow, s_classes).Count);
        Assert.Equal(2, CaptionChunks.Split(wide, s_classes, tokens => tokens + 8).Count);
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
            SelectBy = StepSelection.Loss,
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

    [Fact]
    public void Captions_share_context_words_but_nothing_else()
    {
        using var detector = Narrow("dino");
        var options = new DetectionSearchOptions
        {
            Model = "",
            Train = DrawnData.Make(_folder.Path, 1),
            Method = DetectionMethod.SoftContext,
            Slots = 1,
            Search = DetectionSearchOptions.DefaultSearch(DetectionMethod.SoftContext) with { Steps = 1 },
        };
        using var context = DetectionSearch.Run(detector, options);
        Assert.Equal(["soft_context.0"], context.Search!.Best.Keys);
        using var concept = DetectionSearch.Run(detector, options with { Method = DetectionMethod.Concept, Slots = 0 });
        Assert.Equal(["concept.0", "concept.1"], concept.Search!.Best.Keys.Order());
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
