using Cones.Concepts;
using Cones.Data;
using Cones.Models;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Detection;
using Cones.Tasks.Segmentation;
using Cones.Tests.Search;
using TorchSharp;

namespace Cones.Tests.Tasks.Segmentation;

/// <summary>From drawn pictures to concepts of the tiny segmenters of the goldens, in few steps.</summary>
public sealed class SegmentationSearchTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(SegmentationMethod.Concept, BoxSource.Annotations, 0, TokenInit.Neutral)]
    [InlineData(SegmentationMethod.Concept, BoxSource.Annotations, 1, TokenInit.Random)]
    [InlineData(SegmentationMethod.Concept, BoxSource.None, 3, TokenInit.Neutral)]
    [InlineData(SegmentationMethod.Full, BoxSource.Annotations, 0, TokenInit.Neutral)]
    public void A_search_of_sam_lowers_the_loss(SegmentationMethod method, BoxSource boxes, int slots, TokenInit init)
    {
        using var result = SegmentationSearch.Run(Options(SegmentedData.Sam, method) with { Boxes = boxes, Slots = slots, Init = init, Flip = slots == 1 });
        Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
        Assert.Equal(slots == 1 ? 8 : 5, result.Encoded); // three mirrored ones
    }

    [Theory]
    [InlineData(SegmentationMethod.Concept, 0)]
    [InlineData(SegmentationMethod.Concept, 7)]
    [InlineData(SegmentationMethod.Offset, 0)]
    [InlineData(SegmentationMethod.PseudoWord, 2)]
    [InlineData(SegmentationMethod.Full, 0)]
    public void A_search_of_sam3_lowers_the_loss(SegmentationMethod method, int slots)
    {
        using var result = SegmentationSearch.Run(Options(SegmentedData.Sam3(_folder["sam3"]), method) with { Slots = slots });
        Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
    }

    [Fact]
    public void Names_and_boxes_alone_are_judged_and_not_searched()
    {
        var sam3 = SegmentedData.Sam3(_folder["sam3"]);
        using var text = SegmentationSearch.Run(Options(sam3, SegmentationMethod.Text));
        using var concept = SegmentationSearch.Run(Options(sam3, SegmentationMethod.Concept));
        using var offset = SegmentationSearch.Run(Options(sam3, SegmentationMethod.Offset));
        Assert.Null(text.Search);
        Assert.Equal(text.BestLoss, concept.StartLoss, 1e-5); // tokens as many as the name has begin with its encoding
        Assert.Equal(text.BestLoss, offset.StartLoss, 1e-5);
        using var boxes = SegmentationSearch.Run(Options(SegmentedData.Sam, SegmentationMethod.Text));
        Assert.Null(boxes.Search);
        Assert.All(boxes.Concept!.Concepts, c => Assert.Equal([0, 32], c.Embeddings.shape));
    }

    [Fact]
    public void A_concept_is_never_worse_than_the_boxes_alone()
    {
        using var segmenter = Segmenters.Load(SegmentedData.Sam);
        var options = Options(SegmentedData.Sam, SegmentationMethod.Concept) with { Init = TokenInit.Random };
        using var text = SegmentationSearch.Run(segmenter, options with { Method = SegmentationMethod.Text });
        var outcomes = new List<bool>();
        for (var seed = 0; seed < 6; seed++)
        {
            // So slow that tokens stay where they begin: sometimes that is better than none, sometimes worse.
            var still = options.Search with { Steps = 1, Seed = seed, Optimizer = options.Search.Optimizer with { LearningRate = 1e-9 } };
            using var result = SegmentationSearch.Run(segmenter, options with { Search = still, Choice = seed < 3 ? StepChoice.Loss : StepChoice.Ap });
            var alone = result.BoxesAlone!.Value;
            Assert.Equal(text.BestLoss, alone.Loss, 1e-6);
            Assert.False(alone.IsBetterThan(result.Best));
            Assert.Equal(seed < 3, result.Best.Score is null);
            Assert.All(result.Concept!.Concepts, c => Assert.Equal(result.IsBoxesAlone ? 0 : 2, c.Embeddings.shape[0]));
            Assert.Equal(result.IsBoxesAlone ? "text" : "concept", result.Concept.Metadata.Method);
            outcomes.Add(result.IsBoxesAlone);
        }

        Assert.Contains(true, outcomes);
        Assert.Contains(false, outcomes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_second_stage_goes_on_from_a_concept(bool sam3)
    {
        var first = Options(sam3 ? SegmentedData.Sam3(_folder["sam3"]) : SegmentedData.Sam, SegmentationMethod.Concept) with { Choice = StepChoice.Loss };
        SaveRun(first, "first");
        var path = _folder["first" + ConceptFile.Extension];
        using var before = SegmentationSearch.Run(first);
        using var next = SegmentationSearch.Run(first with { Start = path });
        Assert.Equal(before.BestLoss, next.StartLoss, 1e-5);
        using var tuned = SegmentationSearch.Run(Options(first.Model, SegmentationMethod.Full) with { Start = path, Choice = StepChoice.Loss });
        Assert.Equal(before.BestLoss, tuned.StartLoss, 1e-5);
        Assert.True(tuned.BestLoss < tuned.StartLoss);
        Assert.Contains("--start", Assert.Throws<ConesException>(() => SegmentationSearch.Run(first with { Method = SegmentationMethod.Text, Start = path })).Message);
        var other = Options(sam3 ? SegmentedData.Sam : SegmentedData.Sam3(_folder["other"]), SegmentationMethod.Concept) with { Start = path };
        Assert.Contains("another model", Assert.Throws<ConesException>(() => SegmentationSearch.Run(other)).Message);
    }

    [Theory]
    [InlineData(false, SegmentationMethod.Concept)]
    [InlineData(true, SegmentationMethod.PseudoWord)]
    public void One_seed_gives_one_file_and_a_resumed_search_the_same(bool sam3, SegmentationMethod method)
    {
        var options = Options(sam3 ? SegmentedData.Sam3(_folder["sam3"]) : SegmentedData.Sam, method);
        var whole = SaveRun(options, "whole");
        Assert.Equal(whole, SaveRun(options with { Cache = new CacheOptions { MemoryBytes = 0 } }, "again"));
        using (var stop = new CancellationTokenSource())
        using (var folder = RunFolder.Open(_folder["cut"]))
        using (var cut = SegmentationSearch.Run(options, folder, null, new StopAt(3, stop), cancellation: stop.Token))
            Assert.Equal((StopReason.Cancelled, 3), (cut.Search!.Reason, cut.Search.Step));
        Assert.Equal(whole, SaveRun(options, "cut"));
        Assert.NotEqual(whole, SaveRun(options with { Search = options.Search with { Seed = 8 } }, "other"));
    }

    [Fact]
    public void Tuned_weights_are_found_again_by_a_resumed_search()
    {
        var options = Options(SegmentedData.Sam, SegmentationMethod.Full);
        Tune("whole", null);
        Tune("cut", 3);
        Tune("cut", null);
        Assert.Equal(File.ReadAllBytes(_folder["whole.model/model.safetensors"]), File.ReadAllBytes(_folder["cut.model/model.safetensors"]));
        using var tuned = SegmentationSearch.Run(options with { Model = _folder["whole.model"], Method = SegmentationMethod.Text });
        using var before = SegmentationSearch.Run(options with { Method = SegmentationMethod.Text });
        Assert.True(tuned.BestLoss < before.BestLoss);

        void Tune(string name, int? stopAt)
        {
            using var stop = new CancellationTokenSource();
            using var folder = RunFolder.Open(_folder[name]);
            using var result = SegmentationSearch.Run(options, folder, _folder[name + ".model"], new StopAt(stopAt ?? -1, stop), cancellation: stop.Token);
            Assert.Equal(stopAt is null, Directory.Exists(_folder[name + ".model"]));
        }
    }

    [Fact]
    public void Loose_boxes_are_searched_and_judged_with()
    {
        var options = Options(SegmentedData.Sam, SegmentationMethod.Concept);
        var tight = SaveRun(options, "tight");
        var loose = SaveRun(options with { BoxMargin = 0.4 }, "loose");
        Assert.NotEqual(tight, loose);
        Assert.Equal(loose, SaveRun(options with { BoxMargin = 0.4 }, "again"));
        Assert.Equal(tight, SaveRun(options with { BoxMargin = 0 }, "tight")); // the run goes on as it was
        Assert.Contains("belongs to a search", Assert.Throws<ConesException>(() => SaveRun(options with { BoxMargin = 0.2 }, "loose")).Message);
        using var boxes = SegmentationSearch.Run(options with { Method = SegmentationMethod.Text });
        using var looseBoxes = SegmentationSearch.Run(options with { Method = SegmentationMethod.Text, BoxMargin = 0.4 });
        Assert.NotEqual(boxes.BestLoss, looseBoxes.BestLoss);
        Assert.Contains("--box-margin", Assert.Throws<ConesException>(() => SaveRun(options with { BoxMargin = 0.2, Boxes = BoxSource.None }, "none")).Message);
        foreach (var margin in (double[])[-0.1, 1.5, double.NaN]) Assert.Contains("--box-margin", Assert.Throws<ConesException>(() => SaveRun(options with { BoxMargin = margin }, "none")).Message);
        var sam3 = Options(SegmentedData.Sam3(_folder["sam3"]), SegmentationMethod.Concept);
        foreach (var wrong in (SegmentationSearchOptions[])[sam3 with { BoxMargin = 0.2 }, sam3 with { Boxes = BoxSource.None }])
            Assert.Contains("finds objects by itself", Assert.Throws<ConesException>(() => SegmentationSearch.Run(wrong)).Message);
    }

    [Fact]
    public void Only_pictures_that_no_cache_has_are_said_to_be_encoded()
    {
        var options = Options(SegmentedData.Sam, SegmentationMethod.Text) with { Cache = new CacheOptions { Folder = _folder["features"] } };
        var stages = new List<string>();
        SegmentationSearch.Run(options, onStage: stages.Add).Dispose();
        Assert.Contains("encoding image 1 of 5", stages);
        stages.Clear();
        SegmentationSearch.Run(options, onStage: stages.Add).Dispose();
        Assert.DoesNotContain(stages, s => s.StartsWith("encoding", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_of_other_data_is_refused()
    {
        var options = Options(SegmentedData.Sam, SegmentationMethod.Concept);
        SaveRun(options, "run");
        Assert.Contains("other data", Assert.Throws<ConesException>(() => SaveRun(options with { Train = SegmentedData.Make(_folder.Path, 3, seed: 5) }, "run")).Message);
    }

    [Fact]
    public void A_search_leaves_no_tensor_behind()
    {
        foreach (var model in (string[])[SegmentedData.Sam, SegmentedData.Sam3(_folder["sam3"])])
        {
            using var segmenter = Segmenters.Load(model);
            var options = Options(model, SegmentationMethod.Concept);
            SegmentationSearch.Run(segmenter, options).Dispose(); // layers keep other forms of their weights
            var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            SegmentationSearch.Run(segmenter, options).Dispose();
            Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    [Fact]
    public void A_concept_file_says_where_it_comes_from_and_finds_masks()
    {
        var options = Options(SegmentedData.Sam, SegmentationMethod.Concept) with { Slots = 3, Classes = [new("remote control", "sign"), new("cat", "cat")] };
        SaveRun(options, "run");
        var path = _folder["run.concept.safetensors"];
        using (var file = ConceptFile.Load(path))
        {
            Assert.Equal(("concept", "segmentation", "sam", SlotRule.Tail), (file.Metadata.Method, file.Metadata.Task, file.Metadata.ModelFamily, file.Metadata.SlotRule));
            Assert.Equal(options.Classes, file.Metadata.Classes);
            Assert.All(file.Concepts, c => Assert.Equal([3, 32], c.Embeddings.shape));
        }

        using var segmenter = Segmenters.Load(SegmentedData.Sam);
        using var finder = MaskFinder.OfConcepts(segmenter, [path], "model");
        using var scope = torch.NewDisposeScope();
        var image = options.Train.Images[0];
        var features = segmenter.EncodeImage(segmenter.Preprocess(image.Load()));
        PromptBox[] boxes = [new("cat", 0.5, new BoundingBox(4, 4, 30, 30)), new("dog", 1, new BoundingBox(4, 4, 30, 30))];
        var found = finder.Find(features, image.Size, boxes, 0);
        Assert.All(found, f => Assert.True(f.Name == "cat" && f.Score <= 0.5 && f.Mask.Width == image.Width && f.Mask.Height == image.Height));
        Assert.Throws<ConesException>(() => MaskFinder.OfConcepts(segmenter, [path, path], "model"));
        using var other = Segmenters.Load(SegmentedData.Sam3(_folder["sam3"]));
        Assert.Contains("another model", Assert.Throws<ConesException>(() => MaskFinder.OfConcepts(other, [path], "model")).Message);
    }

    SegmentationSearchOptions Options(string model, SegmentationMethod method)
    {
        var defaults = SegmentationSearchOptions.DefaultSearch(method);
        return new SegmentationSearchOptions
        {
            Model = model,
            Train = SegmentedData.Make(_folder.Path, 3),
            Validation = SegmentedData.Make(_folder.Path, 2, seed: 2),
            Classes = [new("cat", "cat"), new("remote control", "sign")],
            Method = method,
            Search = defaults with { Steps = 6, Accumulate = 2, EvaluationInterval = 2, CheckpointInterval = 3, Seed = 7, Optimizer = defaults.Optimizer with { LearningRate = method == SegmentationMethod.Full ? 1e-3 : 0.05 } },
        };
    }

    byte[] SaveRun(SegmentationSearchOptions options, string name)
    {
        using var folder = RunFolder.Open(_folder[name]);
        using var result = SegmentationSearch.Run(options, folder);
        var path = _folder[name + ConceptFile.Extension];
        result.Concept!.Save(path);
        return File.ReadAllBytes(path);
    }

    sealed class StopAt(int step, CancellationTokenSource source) : ISearchObserver
    {
        public void OnStep(StepReport report)
        {
            if (report.Step == step) source.Cancel();
        }
    }
}
