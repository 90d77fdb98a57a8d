using Cones.Concepts;
using Cones.Models;
using Cones.Models.Glip;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Detection;
using Cones.Tests.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Detection;

/// <summary>The linear probe and full training of the tiny detector of the goldens, alone and after a concept.</summary>
public sealed class WeightTrainingTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DetectionMethod.Linear)]
    [InlineData(DetectionMethod.Full)]
    public void Training_lowers_the_loss_and_the_folder_holds_what_was_trained(DetectionMethod method)
    {
        var options = Options(method) with { ModelFolder = _folder["model"] };
        using var text = DetectionSearch.Run(Options(DetectionMethod.Text));
        using var result = DetectionSearch.Run(options);
        Assert.Equal(text.StartLoss, result.StartLoss, 1e-5);
        Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");

        using var again = DetectionSearch.Run(Options(DetectionMethod.Text) with { Model = _folder["model"] });
        Assert.Equal(result.BestLoss, again.StartLoss, 1e-5);
        using var detector = GlipDetector.FromPath(_folder["model"]);
        using var finder = ObjectFinder.OfConcepts(detector, [_folder["model/detection.concept.safetensors"]], "trained");
        Assert.Equal(["cat", "remote control"], finder.Names);
    }

    [Theory]
    [InlineData(DetectionMethod.Linear)]
    [InlineData(DetectionMethod.Full)]
    public void A_run_that_was_cut_goes_on_to_the_same_bytes(DetectionMethod method)
    {
        var options = Options(method);
        var whole = Train(options, "whole");
        Assert.Equal(whole, Train(options, "again"));
        using (var stop = new CancellationTokenSource())
        using (var folder = RunFolder.Open(_folder["cut"]))
        using (var cut = DetectionSearch.Run(options with { ModelFolder = _folder["cut-model"] }, folder, new StopAt(3, stop), cancellation: stop.Token))
            Assert.Equal((StopReason.Cancelled, 3), (cut.Search!.Reason, cut.Search.Step));
        Assert.False(Directory.Exists(_folder["cut-model"]));
        Assert.Equal(whole, Train(options, "cut"));
        Assert.NotEqual(whole, Train(options with { Search = options.Search with { Seed = 8 } }, "other"));
    }

    [Fact]
    public void The_linear_probe_changes_the_last_linear_layers_only()
    {
        var changed = ChangedKeys(Options(DetectionMethod.Linear));
        string[] expected =
        [
            "rpn.head.bbox_pred.bias", "rpn.head.bbox_pred.weight", "rpn.head.bias0", "rpn.head.bias_lang", "rpn.head.centerness.bias", "rpn.head.centerness.weight",
            "rpn.head.dot_product_projection_text.bias", "rpn.head.dot_product_projection_text.weight", "rpn.head.log_scale",
        ];
        Assert.Equal(expected, changed);
    }

    [Fact]
    public void Full_training_leaves_the_first_stage_and_after_a_concept_the_text_encoder()
    {
        var alone = ChangedKeys(Options(DetectionMethod.Full));
        Assert.Contains(alone, k => k.StartsWith("language_backbone.", StringComparison.Ordinal));
        Assert.Contains(alone, k => k.StartsWith("backbone.fpn.", StringComparison.Ordinal));
        Assert.Contains(alone, k => k.StartsWith("backbone.body.layers.1.", StringComparison.Ordinal));
        Assert.DoesNotContain(alone, k => k.StartsWith("backbone.body.layers.0.", StringComparison.Ordinal) || k.StartsWith("backbone.body.patch_embed.", StringComparison.Ordinal));
        var after = ChangedKeys(Options(DetectionMethod.Full) with { From = Concept() });
        Assert.DoesNotContain(after, k => k.StartsWith("language_backbone.", StringComparison.Ordinal));
        Assert.Contains(after, k => k.StartsWith("rpn.head.dyhead_tower.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(DetectionMethod.Concept)]
    [InlineData(DetectionMethod.Offset)]
    [InlineData(DetectionMethod.Linear)]
    [InlineData(DetectionMethod.Full)]
    public void A_second_stage_begins_where_the_concept_ended(DetectionMethod method)
    {
        var concept = Concept();
        using var file = ConceptFile.Load(concept);
        using var second = DetectionSearch.Run(Options(method) with { From = concept });
        Assert.Equal(file.Metadata.Scores["evaluation_loss"], second.StartLoss, 1e-5);
        Assert.True(second.BestLoss < second.StartLoss, $"{second.StartLoss} -> {second.BestLoss}");
        Assert.Contains("first.concept.safetensors", second.Concept.Metadata.Init);
        Assert.Equal(file.Metadata.Classes, second.Concept.Metadata.Classes);
    }

    [Fact]
    public void A_second_stage_may_follow_a_whole_caption_and_is_resumed_exactly()
    {
        var offset = Concept(DetectionMethod.Offset);
        using var second = DetectionSearch.Run(Options(DetectionMethod.Linear) with { From = offset });
        Assert.Equal("<caption>", second.Concept.Concepts[0].Name);
        var options = Options(DetectionMethod.Full) with { From = Concept() };
        var whole = Train(options, "whole");
        using (var stop = new CancellationTokenSource())
        using (var folder = RunFolder.Open(_folder["cut"]))
            DetectionSearch.Run(options, folder, new StopAt(2, stop), cancellation: stop.Token).Dispose();
        Assert.Equal(whole, Train(options, "cut"));
    }

    [Fact]
    public void A_second_stage_that_cannot_be_is_refused()
    {
        var concept = Concept();
        Refuse(Options(DetectionMethod.PseudoWord) with { From = concept }, "--from");
        Refuse(Options(DetectionMethod.Concept) with { From = concept, Slots = 3 }, "--slots");
        Refuse(Options(DetectionMethod.Concept) with { From = concept, Classes = [new("cat", "cat")] }, "--classes");
        Refuse(Options(DetectionMethod.Concept) with { From = Concept(DetectionMethod.Offset) }, "whole caption");
        Refuse(Options(DetectionMethod.Full) with { From = _folder["none"] }, "none", "does not exist");
        Refuse(Options(DetectionMethod.Full) with { From = concept, Model = DrawnData.OtherModel }, "another model");
        Refuse(Options(DetectionMethod.Full) with { Views = 2 }, "--views");

        static void Refuse(DetectionSearchOptions options, params string[] parts)
        {
            var message = Assert.Throws<ConesException>(() => DetectionSearch.Run(options)).Message;
            foreach (var part in parts) Assert.Contains(part, message);
        }
    }

    [Fact]
    public void The_probe_with_a_built_in_caption_is_the_model_itself()
    {
        using var scope = NewDisposeScope();
        using var detector = GlipDetector.FromPath(DrawnData.Model);
        using var other = GlipDetector.FromPath(DrawnData.OtherModel); // without fusion: the text comes straight from the encoder
        foreach (var family in (GlipDetector[])[detector, other])
        {
            var data = DrawnData.Make(_folder.Path, 1);
            ClassPrompt[] classes = [new("cat", "cat"), new("remote control", "remote control")];
            using var caption = family.EncodeCaption(classes);
            using var prompt = new CaptionPrompt(caption);
            var built = prompt.Build([0]);
            var probe = family.BuildIn(built);
            var view = new ViewMaker(data, classes).Make(0, 0, data.Images[0].Load());
            var (features, kept) = (family.EncodeImage(view.Image), probe.EncodeImage(view.Image));
            var (targets, same) = (family.Assign(features, view), probe.Assign(kept, view));
            var (loss, found) = family.Judge(features, view.Image.Size, built, prompt.Classes, targets);
            var (probeLoss, probeFound) = probe.Judge(kept, view.Image.Size, built, prompt.Classes, same);
            Assert.Equal(loss, probeLoss, 1e-6);
            Assert.Equal(found.Count, probeFound.Count);
            Assert.Equal(loss, family.Loss(features, built, prompt.Classes, targets).item<float>(), 1e-6);
        }
    }

    [Fact]
    public void Training_leaves_no_tensor_and_no_gradient_behind()
    {
        using var detector = GlipDetector.FromPath(DrawnData.Model);
        foreach (var method in (DetectionMethod[])[DetectionMethod.Linear, DetectionMethod.Full])
        {
            var options = Options(method);
            DetectionSearch.Run(detector, options).Dispose();
            Evaluate();
            var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            DetectionSearch.Run(detector, options).Dispose();
            Evaluate();
            Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }

        // Layers make other forms of frozen weights.
        void Evaluate() => DetectionSearch.Run(detector, Options(DetectionMethod.Text)).Dispose();
    }

    string[] ChangedKeys(DetectionSearchOptions options)
    {
        using var scope = NewDisposeScope();
        using var before = GlipModel.FromFolder(DrawnData.Model);
        var target = _folder[$"{Guid.NewGuid():n}"];
        DetectionSearch.Run(options with { ModelFolder = target }).Dispose();
        using var after = GlipModel.FromFolder(target);
        return [.. before.NamedWeights().Zip(after.NamedWeights()).Where(p => !p.First.Value.Value.equal(p.Second.Value.Value).all().item<bool>()).Select(p => p.First.Key).Order(StringComparer.Ordinal)];
    }

    string Concept(DetectionMethod method = DetectionMethod.Concept)
    {
        using var result = DetectionSearch.Run(Options(method));
        var path = _folder["first" + ConceptFile.Extension];
        result.Concept.Save(path);
        return path;
    }

    byte[] Train(DetectionSearchOptions options, string name)
    {
        using var folder = RunFolder.Open(_folder[name]);
        DetectionSearch.Run(options with { ModelFolder = _folder[name + "-model"] }, folder).Dispose();
        return [.. File.ReadAllBytes(_folder[name + "-model/model.safetensors"]), .. File.ReadAllBytes(_folder[name + "-model/detection.concept.safetensors"]), .. File.ReadAllBytes(_folder[name + "/metrics.jsonl"])];
    }

    DetectionSearchOptions Options(DetectionMethod method) => new()
    {
        Model = DrawnData.Model,
        Train = DrawnData.Make(_folder.Path, 3),
        Validation = DrawnData.Make(_folder.Path, 2, seed: 2),
        Method = method,
        Choice = StepChoice.Loss,
        Augmentation = AugmentationKind.None,
        Search = DetectionSearchOptions.DefaultSearch(method) is var search && method.TrainsWeights()
            ? search with { Steps = 4, Accumulate = 2, EvaluationInterval = 2, CheckpointInterval = 1, Seed = 7, Optimizer = search.Optimizer with { LearningRate = 1e-3 } }
            : search with { Steps = 4, Accumulate = 2, EvaluationInterval = 2, Seed = 7 },
    };

    sealed class StopAt(int step, CancellationTokenSource source) : ISearchObserver
    {
        public void OnStep(StepReport report)
        {
            if (report.Step == step) source.Cancel();
        }
    }
}
