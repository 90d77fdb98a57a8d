using Cones.Concepts;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Detection;
using Cones.Tests.Search;
using TorchSharp;

namespace Cones.Tests.Tasks.Detection;

/// <summary>From drawn pictures to concepts of the tiny detector of the goldens, in few steps.</summary>
public sealed class DetectionSearchTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DetectionMethod.Concept, 0, ClassInit.Name)]
    [InlineData(DetectionMethod.Concept, 4, ClassInit.Name)]
    [InlineData(DetectionMethod.Concept, 1, ClassInit.Random)]
    [InlineData(DetectionMethod.Offset, 0, ClassInit.Name)]
    [InlineData(DetectionMethod.PseudoWord, 2, ClassInit.Name)]
    [InlineData(DetectionMethod.SoftContext, 0, ClassInit.Name)]
    public void A_search_lowers_the_loss(DetectionMethod method, int slots, ClassInit init)
    {
        using var result = DetectionSearch.Run(Options(method) with { Slots = slots, Init = init, Flip = slots == 1 });
        Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
        Assert.Equal(result.Search!.Evaluations[^1].Loss, result.BestLoss);
    }

    [Fact]
    public void Names_are_judged_and_not_searched()
    {
        using var text = DetectionSearch.Run(Options(DetectionMethod.Text));
        using var start = DetectionSearch.Run(Options(DetectionMethod.Concept));
        Assert.Null(text.Search);
        Assert.Equal(start.StartLoss, text.BestLoss, 1e-6); // slots as many as tokens begin with the name's encoding
    }

    [Theory]
    [InlineData(DetectionMethod.Concept)]
    [InlineData(DetectionMethod.Offset)]
    [InlineData(DetectionMethod.SoftContext)]
    public void One_seed_gives_one_file_and_a_resumed_search_the_same(DetectionMethod method)
    {
        var options = Options(method);
        var whole = SaveRun(options, "whole");
        Assert.Equal(whole, SaveRun(options, "again"));

        using (var stop = new CancellationTokenSource())
        using (var folder = RunFolder.Open(_folder["cut"]))
        using (var cut = DetectionSearch.Run(options, folder, new StopAt(3, stop), cancellation: stop.Token))
            Assert.Equal((StopReason.Cancelled, 3), (cut.Search!.Reason, cut.Search.Step));
        Assert.Equal(whole, SaveRun(options, "cut"));
        Assert.NotEqual(whole, SaveRun(options with { Search = options.Search with { Seed = 8 } }, "other"));
    }

    [Fact]
    public void A_run_of_other_data_is_refused()
    {
        var options = Options(DetectionMethod.Concept);
        SaveRun(options, "run");
        Assert.Contains("other data", Assert.Throws<ConesException>(() => SaveRun(options with { Train = DrawnData.Make(_folder.Path, 2, seed: 5) }, "run")).Message);
    }

    [Fact]
    public void No_encoder_runs_in_the_loop()
    {
        using var detector = new CountingDetector(GlipDetector.FromPath(DrawnData.Model));
        var options = Options(DetectionMethod.Concept);
        using var result = DetectionSearch.Run(detector, options);
        Assert.Equal((1, options.Train.Images.Count + options.Validation!.Images.Count), (detector.Captions, detector.Images));
        Assert.Equal((options.Search.Steps * options.Search.Accumulate) + (4 * options.Validation.Images.Count), detector.Losses);
    }

    [Fact]
    public void Features_in_a_file_change_nothing_and_the_file_vanishes()
    {
        var options = Options(DetectionMethod.Concept);
        Assert.Equal(SaveRun(options, "memory"), SaveRun(options with { FeatureMemoryBytes = 0 }, "file"));
        Assert.Empty(Directory.GetFiles(_folder["file"], "features.*"));
    }

    [Fact]
    public void A_search_leaves_no_tensor_behind()
    {
        using var detector = GlipDetector.FromPath(DrawnData.Model);
        var options = Options(DetectionMethod.Concept);
        DetectionSearch.Run(detector, options).Dispose(); // layers keep other forms of their weights
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        DetectionSearch.Run(detector, options).Dispose();
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void What_cannot_be_searched_is_refused()
    {
        var options = Options(DetectionMethod.Concept);
        Refuse(options with { Classes = [new("dog", "dog")] }, "no class 'dog', only cat, remote control", "--data");
        Refuse(options with { Classes = [new("cat", "a"), new("cat", "b")] }, "'cat' is named twice");
        Refuse(options with { Train = options.Train.Select([]) }, "no images", "--data");
        Refuse(options with { Validation = options.Train.Select([]) }, "no images", "--val");
        Refuse(options with { Slots = -1 }, "-1 slots", "--slots");
        Refuse(options with { Classes = [new("cat", string.Join(" ", Enumerable.Repeat("traffic light", 10)))] }, "'cat' makes a caption", "20 tokens", "--classes");
        Refuse(options with { Model = _folder.Path }, _folder.Path);

        static void Refuse(DetectionSearchOptions options, params string[] parts)
        {
            var message = Assert.Throws<ConesException>(() => DetectionSearch.Run(options)).Message;
            foreach (var part in parts) Assert.Contains(part, message);
        }
    }

    [Fact]
    public void A_concept_file_says_where_it_comes_from()
    {
        var options = Options(DetectionMethod.Concept) with { Slots = 3, Classes = [new("remote control", "sign"), new("cat", "cat")] };
        SaveRun(options, "run");
        using var file = ConceptFile.Load(_folder["run.concept.safetensors"]);
        Assert.Equal(("concept", "detection", "glip", 2), (file.Metadata.Method, file.Metadata.Task, file.Metadata.ModelFamily, file.Metadata.Classes.Count));
        Assert.Equal([new ClassPrompt("remote control", "sign"), new ClassPrompt("cat", "cat")], file.Metadata.Classes);
        Assert.All(file.Concepts, c => Assert.Equal([3, 24], c.Embeddings.shape));
        Assert.True(file.Metadata.Scores["evaluation_loss"] < file.Metadata.Scores["evaluation_loss_start"]);
    }

    DetectionSearchOptions Options(DetectionMethod method)
    {
        var defaults = DetectionSearchOptions.DefaultSearch(method);
        return new DetectionSearchOptions
        {
            Model = DrawnData.Model,
            Train = DrawnData.Make(_folder.Path, 3),
            Validation = DrawnData.Make(_folder.Path, 2, seed: 2),
            Method = method,
            Choice = StepChoice.Loss,
            Search = defaults with { Steps = 6, Accumulate = 2, EvaluationInterval = 2, CheckpointInterval = 3, Seed = 7 },
        };
    }

    byte[] SaveRun(DetectionSearchOptions options, string name)
    {
        using var folder = RunFolder.Open(_folder[name]);
        using var result = DetectionSearch.Run(options, folder);
        var path = _folder[name + ConceptFile.Extension];
        result.Concept.Save(path);
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
