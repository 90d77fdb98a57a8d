using Cones.Concepts;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Tasks.Detection;
using Cones.Tests.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Detection;

/// <summary>What a concept search may start from, slots of no class, bounds, views, and the choice of the best step.</summary>
public sealed class ConceptOptionTests : IDisposable
{
    static readonly ClassPrompt[] s_classes = [new("cat", "cat"), new("remote control", "remote control")];

    readonly TemporaryFolder _folder = new();
    readonly GlipDetector _detector = GlipDetector.FromPath(DrawnData.Model);

    public void Dispose()
    {
        _detector.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(BackgroundKind.Shared)]
    [InlineData(BackgroundKind.PerClass)]
    public void Background_slots_are_searched_kept_and_used(BackgroundKind kind)
    {
        var options = Options() with { Background = kind, BackgroundCount = 2, Slots = 3 };
        using var result = DetectionSearch.Run(_detector, options);
        Assert.True(result.BestLoss < result.StartLoss);
        var names = kind == BackgroundKind.Shared ? (string[])["<background>"] : ["<background> cat", "<background> remote control"];
        Assert.All(names, n => Assert.Equal([2, 24], result.Concept.Concepts.Single(c => c.Name == n).Embeddings.shape));
        Assert.Equal((6 + (2 * names.Length)) * 24, result.TrainableParameters);

        var path = _folder["c" + ConceptFile.Extension];
        result.Concept.Save(path);
        using var second = DetectionSearch.Run(_detector, Options() with { From = path });
        Assert.Equal(result.BestLoss, second.StartLoss, 1e-5);
        using var finder = ObjectFinder.OfConcepts(_detector, [path], "tiny");
        Assert.Equal(["cat", "remote control"], finder.Names);
    }

    [Fact]
    public void Background_slots_stand_where_they_belong()
    {
        using var scope = NewDisposeScope();
        using var caption = _detector.EncodeCaption(s_classes); // [CLS] cat . remote control [SEP]
        using var shared = new ClassSlotsPrompt(caption, [ones(1, 24), ones(2, 24) * 2], new BackgroundSlots(BackgroundKind.Shared, [ones(2, 24) * 5]));
        using var own = new ClassSlotsPrompt(caption, [ones(1, 24), ones(2, 24) * 2], new BackgroundSlots(BackgroundKind.PerClass, [ones(1, 24) * 5, ones(2, 24) * 6]));
        Assert.Equal([[1], [3, 4]], shared.Classes);
        Assert.Equal([[1], [4, 5]], own.Classes);
        Assert.Equal([1f, 2, 2, 5, 5], Learned(shared));
        Assert.Equal([1f, 5, 2, 2, 6, 6], Learned(own));
        Assert.Throws<ArgumentException>(() => new ClassSlotsPrompt(caption, [ones(1, 24), ones(2, 24)], new BackgroundSlots(BackgroundKind.PerClass, [ones(1, 24)])));

        // Learned rows are constant; encodings are not.
        static float[] Learned(ClassSlotsPrompt prompt)
        {
            var rows = prompt.Build([0]).Embeddings[0];
            return [.. Enumerable.Range(0, (int)rows.shape[0]).Where(r => (rows[r] - rows[r, 0]).abs().max().item<float>() == 0).Select(r => rows[r, 0].item<float>())];
        }
    }

    [Theory]
    [InlineData("glip")]
    [InlineData("dino")]
    public void The_whole_caption_can_be_searched_kept_and_used_beside_other_files(string family)
    {
        using IDetector detector = family == "glip" ? GlipDetector.FromPath(DrawnData.Model) : GroundingDinoDetector.FromFolder(DrawnData.Golden("grounding-dino/e2e-caption/model"));
        var options = Options() with { Background = BackgroundKind.Caption, Slots = 2, Search = Options().Search with { Optimizer = Options().Search.Optimizer with { WeightDecay = 0.25 } } };
        using var result = DetectionSearch.Run(detector, options);
        Assert.True(result.BestLoss < result.StartLoss);
        using var caption = detector.EncodeCaption(s_classes);
        var separators = result.Concept.Concepts.Single(c => c.Name == "<separators>").Embeddings;
        Assert.Equal([caption.Length - 3, caption.Dim], separators.shape);
        Assert.Equal((caption.Length - 3 + 4) * caption.Dim, result.TrainableParameters);

        // What it found stands in the file: the next stage begins there, and a part of its classes scores as before, whatever is beside it.
        var path = _folder["c" + ConceptFile.Extension];
        result.Concept.Save(path);
        using var second = DetectionSearch.Run(detector, Options() with { From = path });
        Assert.Equal(result.BestLoss, second.StartLoss, 1e-5);
        Assert.Equal(result.TrainableParameters, second.TrainableParameters);
        var image = options.Train.Images[0].Load();
        using var alone = ObjectFinder.OfConcepts(detector, [path], "tiny");
        alone.Select(["cat"]);
        var found = alone.Find(image).Select(f => (f.Score, f.Box)).ToArray();
        Assert.NotEmpty(found);
        using var other = DetectionSearch.Run(detector, Options() with { Method = DetectionMethod.Text, Validation = null, Classes = [new("sign", "sign")], Train = Renamed(options.Train, "sign") });
        other.Concept.Save(_folder["o" + ConceptFile.Extension]);
        using var both = ObjectFinder.OfConcepts(detector, [_folder["o" + ConceptFile.Extension], path], "tiny");
        both.Select(["cat"]);
        Assert.Equal(found, both.Find(image).Select(f => (f.Score, f.Box)));

        // Slots that are not the caption's are not used.
        using var damaged = new ConceptFile([.. result.Concept.Concepts.Select(c => c.Name == "<separators>" ? Concept.FromVectors(c.Name, c.Embeddings[..^1], null) : c)], result.Concept.Metadata);
        damaged.Save(path);
        Assert.Contains("between classes", Assert.Throws<ConesException>(() => ObjectFinder.OfConcepts(detector, [path], "tiny")).Message);
    }

    [Fact]
    public void A_concept_with_the_whole_caption_and_as_many_slots_as_tokens_is_an_offset()
    {
        var search = Options().Search with { Optimizer = Options().Search.Optimizer with { WeightDecay = 0.25 } };
        using var concept = DetectionSearch.Run(_detector, Options() with { Background = BackgroundKind.Caption, Search = search });
        using var offset = DetectionSearch.Run(_detector, Options() with { Method = DetectionMethod.Offset, Search = search });
        Assert.Equal(offset.TrainableParameters, concept.TrainableParameters);
        Assert.Equal(offset.BestLoss, concept.BestLoss, 1e-4);
    }

    [Fact]
    public void A_decay_draws_vectors_to_their_start()
    {
        using var scope = NewDisposeScope();
        using var caption = _detector.EncodeCaption(s_classes);
        using var result = DetectionSearch.Run(_detector, Options() with { Search = Options().Search with { Optimizer = Options().Search.Optimizer with { LearningRate = 0.1, WeightDecay = 10 } } });
        var names = ClassVectors.OfNames(caption, 0, 1);
        // A decay of rate times 10 = 1 forgets all but the last step, whose length is the rate.
        Assert.All(result.Concept.Concepts.Zip(names), pair => Assert.InRange((pair.First.Embeddings - pair.Second).abs().max().item<float>(), 1e-4f, 0.3f));
    }

    [Fact]
    public void A_norm_bound_holds()
    {
        using var scope = NewDisposeScope();
        using var caption = _detector.EncodeCaption(s_classes);
        var bound = ClassVectors.MeanNorm(caption) * 1.5;
        var options = Options();
        using var result = DetectionSearch.Run(_detector, options with { NormBound = 1.5, Search = options.Search with { Optimizer = options.Search.Optimizer with { LearningRate = 5 } } });
        Assert.All(result.Concept.Concepts, c => Assert.True(c.Embeddings.norm(-1).max().item<float>() <= bound * 1.0001));
    }

    [Fact]
    public void Prototypes_point_where_the_regions_do_and_have_the_names_norm()
    {
        using var scope = NewDisposeScope();
        var data = DrawnData.Make(_folder.Path, 2);
        using var caption = _detector.EncodeCaption(s_classes);
        using var prompt = new CaptionPrompt(caption);
        using var examples = DetectionExamples.Create(_detector, new ViewMaker(data, s_classes), 0, long.MaxValue, null, TestContext.Current.CancellationToken);
        var prototypes = ClassPrototypes.Of(_detector, caption, s_classes, examples);
        var vectors = ClassVectors.OfPrototypes(caption, prototypes, 3, seed: 1);
        for (var c = 0; c < 2; c++)
        {
            Assert.Equal(caption.VectorsOf(c).norm(-1).mean().item<float>(), vectors[c][0].norm().item<float>(), 1e-4);
            Assert.True(nn.functional.cosine_similarity(vectors[c][0], prototypes[c], 0).item<float>() > 0.9999);
            Assert.True(nn.functional.cosine_similarity(vectors[c][1], prototypes[c], 0).item<float>() is > 0.9f and < 0.99999f);
        }

        // Two objects in each of two images, one of each class.
        var (features, targets) = examples.Read(0);
        var (regions, places) = _detector.Regions(features, prompt.Build([0]), prompt.Classes, targets);
        Assert.Equal([0, 1], places);
        Assert.Equal([2, 24], _detector.ToText(regions).shape);
        using var result = DetectionSearch.Run(_detector, Options() with { Init = ClassInit.Prototype });
        Assert.True(result.BestLoss < result.StartLoss);
        Assert.Equal("prototype", result.Concept.Metadata.Init);
    }

    [Fact]
    public void The_best_of_candidate_words_is_taken()
    {
        var candidates = new Dictionary<string, IReadOnlyList<string>> { ["cat"] = ["sign", "traffic light"] };
        using var result = DetectionSearch.Run(_detector, Options() with { Method = DetectionMethod.Text, Candidates = candidates });
        Assert.Equal(["cat", "sign", "traffic light"], result.Words.Select(w => w.Text).Order());
        Assert.Equal(result.Words.Min(w => w.Loss), result.Words[0].Loss);
        Assert.Equal(result.Words[0].Text, result.Concept.Metadata.Classes[0].Text);
        Assert.Equal("remote control", result.Concept.Metadata.Classes[1].Text);
        // What was measured is what the search begins with.
        using var search = DetectionSearch.Run(_detector, Options() with { Candidates = candidates, Validation = null });
        Assert.Equal(result.Words[0].Loss, search.StartLoss, 1e-5);
        Assert.Contains("'dog'", Assert.Throws<ConesException>(() => DetectionSearch.Run(_detector, Options() with { Candidates = new Dictionary<string, IReadOnlyList<string>> { ["dog"] = ["a"] } })).Message);
    }

    [Fact]
    public void Views_are_made_once_and_differ()
    {
        using var scope = NewDisposeScope();
        var data = DrawnData.Make(_folder.Path, 1);
        var maker = new ViewMaker(data, s_classes, flip: true, _detector.Recipe, seed: 3);
        var pixels = data.Images[0].Load();
        TrainingView[] views = [.. Enumerable.Range(0, 6).Select(v => maker.Make(0, v, pixels))];
        Assert.Equal([false, false, true, true, true, true], views.Select(v => v.Prepared));
        Assert.Equal(pixels.Width - views[0].Boxes[0].Right, views[1].Boxes[0].X);
        Assert.True(views.Skip(2).Select(v => v.Image.Size).Distinct().Count() > 1);
        Assert.All(views, v => Assert.Equal([0, 1], v.Classes));
        Assert.Equal(views[3].Image.Pixels, maker.Make(0, 3, pixels).Image.Pixels);
        using var examples = DetectionExamples.Create(_detector, maker, changed: 4, long.MaxValue, null, TestContext.Current.CancellationToken);
        Assert.Equal(6, examples.Count);

        using var result = DetectionSearch.Run(_detector, Options() with { Views = 2 });
        Assert.True(result.BestLoss < result.StartLoss);
    }

    [Fact]
    public void Live_views_are_the_plain_ones_or_new_in_every_epoch()
    {
        using var scope = NewDisposeScope();
        var data = DrawnData.Make(_folder.Path, 2);
        using var kept = DetectionExamples.Create(_detector, new ViewMaker(data, s_classes, flip: true), 0, long.MaxValue, null, TestContext.Current.CancellationToken);
        using var live = new LiveExamples(_detector, new ViewMaker(data, s_classes, flip: true));
        Assert.Equal(4, live.Count);
        for (var i = 0; i < 4; i++) Assert.True(kept.Read(i).Features[0].equal(live.Read(i, epoch: 5).Features[0]).all().item<bool>());
        using var changing = new LiveExamples(_detector, new ViewMaker(data, s_classes, recipe: _detector.Recipe, seed: 1));
        Assert.Equal(2, changing.Count);
        Assert.True(Enumerable.Range(0, 6).Select(e => string.Join("x", changing.Read(0, e).Features[0].shape)).Distinct().Count() > 1);
    }

    [Fact]
    public void Average_precision_chooses_the_step()
    {
        var data = DrawnData.Make(_folder.Path, 2);
        var score = new ValidationScore(data, s_classes);
        DetectedObject[][] all = [.. data.Images.Select(i => i.Annotations.Select(a => new DetectedObject((int)a.CategoryId - 1, 0.9, a.Box)).ToArray())];
        Assert.Equal(1, score.Ap(all), 1e-9);
        Assert.Equal(0, score.Ap([[], []]), 1e-9);
        // Only the searched classes are judged.
        Assert.Equal(1, new ValidationScore(data, [s_classes[1]]).Ap([.. all.Select(i => i.Where(o => o.Class == 1).Select(o => o with { Class = 0 }).ToArray())]), 1e-9);

        using var result = DetectionSearch.Run(_detector, Options() with { Choice = null });
        Assert.All(result.Search!.Evaluations, e => Assert.InRange(e.Score!.Value, 0, 1));
        var best = result.Search.Evaluations.Max(e => e.Score);
        Assert.Equal(best, result.Best.Score);
        Assert.Equal(result.Search.Evaluations.Where(e => e.Score == best).Min(e => e.Loss), result.BestLoss);
        Assert.Equal(best, result.Concept.Metadata.Scores["validation_ap"]);
        Assert.Contains("--val", Assert.Throws<ConesException>(() => DetectionSearch.Run(_detector, Options() with { Validation = null, Choice = StepChoice.Ap })).Message);
    }

    static Cones.Data.DetectionDataset Renamed(Cones.Data.DetectionDataset data, string first) =>
        new([data.Categories[0] with { Name = first }, .. data.Categories.Skip(1)], data.Images);

    DetectionSearchOptions Options() => new()
    {
        Model = DrawnData.Model,
        Train = DrawnData.Make(_folder.Path, 2),
        Validation = DrawnData.Make(_folder.Path, 2, seed: 2),
        Choice = StepChoice.Loss,
        Search = DetectionSearchOptions.DefaultSearch(DetectionMethod.Concept) with { Steps = 4, Accumulate = 2, EvaluationInterval = 2, Seed = 7 },
    };
}
