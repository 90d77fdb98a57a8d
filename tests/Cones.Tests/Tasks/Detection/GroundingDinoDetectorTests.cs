using Cones.Concepts;
using Cones.Data;
using Cones.Models;
using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Detections;
using Cones.Models.GroundingDino.Text;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Tasks.Detection;
using Cones.Tests.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Detection;

/// <summary>Grounding DINO through the seam, with the tiny model of the goldens.</summary>
public sealed class GroundingDinoDetectorTests : IDisposable
{
    static readonly string s_model = DrawnData.Golden("grounding-dino/e2e-caption/model");
    static readonly ClassPrompt[] s_classes = [new("cat", "cat"), new("remote control", "remote control"), new("car", "a red car")];

    readonly TemporaryFolder _folder = new();
    readonly GroundingDinoDetector _detector = GroundingDinoDetector.FromFolder(s_model);
    readonly RgbImage _image = RgbImage.Load(DrawnData.Golden("grounding-dino/e2e-caption/image.png"));

    public void Dispose()
    {
        _detector.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_caption_is_encoded_as_the_model_encodes_its_ids()
    {
        using var scope = NewDisposeScope();
        using var model = GroundingDinoModel.FromFolder(s_model);
        var caption = GroundingCaption.FromNames([.. s_classes.Select(c => c.Text)], BertTokenizer.FromFolder(s_model));
        var ids = tensor(caption.Tokens.Ids.Select(i => (long)i).ToArray()).unsqueeze(0);
        var expected = model.EncodeText(ids);
        using var encoding = _detector.EncodeCaption(s_classes);
        Assert.True(encoding.Hidden.allclose(expected.Projected, rtol: 1e-5, atol: 1e-6));
        Assert.Equal(caption.ClassSlots, encoding.Classes);
        Assert.Equal((encoding.Length, encoding.Classes.Count), (_detector.LayOut(s_classes).Length, _detector.LayOut(s_classes).Classes.Count));

        var masks = TextMasks.OfClasses(caption.ClassSlots, caption.Tokens.Ids.Count);
        var byIds = TextMasks.FromIds(ids);
        Assert.True(masks.SelfAttention.equal(byIds.SelfAttention).all().item<bool>() && masks.PositionIds.equal(byIds.PositionIds).all().item<bool>());
    }

    [Fact]
    public void Names_find_what_the_model_itself_finds()
    {
        using var scope = NewDisposeScope();
        using var model = GroundingDinoModel.FromFolder(s_model);
        var caption = GroundingCaption.FromNames([.. s_classes.Select(c => c.Text)], BertTokenizer.FromFolder(s_model));
        var text = model.EncodeText(tensor(caption.Tokens.Ids.Select(i => (long)i).ToArray()).unsqueeze(0));
        var pixels = new ImageProcessor(ImageProcessorConfig.GroundingDinoFromFile(Path.Combine(s_model, "preprocessor_config.json"))).Preprocess(_image);
        var output = model.Forward(model.EncodeImage(pixels.PixelValues, pixels.PixelMask), text.Projected, text.Masks);
        var expected = GroundingDinoPostProcessor.ByClass(output.LastLogits()[0], output.LastBoxes()[0], _image.Size, caption.ClassSlots, ScoreAggregation.Mean);

        using var finder = ObjectFinder.OfClasses(_detector, s_classes);
        var found = finder.Find(_image);
        Assert.Equal(expected.Count, found.Count);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(expected[i].Label, found[i].Class);
            Assert.Equal(expected[i].Score, found[i].Score, 1e-5);
            Assert.Equal(expected[i].Box.X1, found[i].Box.X, 1e-2);
            Assert.Equal(expected[i].Box.Y2, found[i].Box.Bottom, 1e-2);
        }

        finder.Select(["car"]);
        Assert.Equal(found.Where(f => f.Name == "car").Select(f => f.Score), finder.Find(_image).Select(f => f.Score));
    }

    [Theory]
    [InlineData(DetectionMethod.Concept, 0)]
    [InlineData(DetectionMethod.Concept, 3)]
    [InlineData(DetectionMethod.Offset, 0)]
    [InlineData(DetectionMethod.PseudoWord, 2)]
    [InlineData(DetectionMethod.SoftContext, 0)]
    public void A_search_lowers_the_loss_and_its_file_is_found_with(DetectionMethod method, int slots)
    {
        using var result = DetectionSearch.Run(_detector, Options(method) with { Slots = slots });
        Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
        var path = _folder["found.concept.safetensors"];
        result.Concept.Save(path);
        Assert.Equal(("grounding-dino", "detection"), (result.Concept.Metadata.ModelFamily, result.Concept.Metadata.Task));

        using var finder = ObjectFinder.OfConcepts(_detector, [path], "tiny");
        Assert.NotEmpty(finder.Find(_image));
    }

    [Fact]
    public void A_file_without_a_step_finds_what_names_find()
    {
        var options = Options(DetectionMethod.Concept);
        using var result = DetectionSearch.Run(_detector, options with { Method = DetectionMethod.Text });
        var path = _folder["text.concept.safetensors"];
        result.Concept.Save(path);
        using var file = ObjectFinder.OfConcepts(_detector, [path], "tiny");
        using var names = ObjectFinder.OfClasses(_detector, options.ResolvedClasses);
        Assert.Equal(names.Find(_image).Select(f => (f.Name, f.Score)), file.Find(_image).Select(f => (f.Name, f.Score)));
    }

    [Fact]
    public void Gradients_reach_the_embeddings_and_nothing_else_and_a_judge_sees_the_same_loss()
    {
        using var scope = NewDisposeScope();
        var data = DrawnData.Make(_folder.Path, 1);
        ClassPrompt[] classes = [.. s_classes.Take(2)];
        using var examples = DetectionExamples.Create(_detector, new ViewMaker(data, classes, flip: true), 0, 0, _folder.Path);
        using var caption = _detector.EncodeCaption(classes);
        using var prompt = new ClassSlotsPrompt(caption, ClassVectors.OfNames(caption, 0, 1));
        var (features, targets) = examples.Read(1);
        var image = data.Images[0];
        var loss = _detector.Loss(features, prompt.Build([0]), prompt.Classes, targets);
        loss.backward();
        Assert.True(prompt.Moves.grad!.abs().sum().item<float>() > 0);
        Assert.DoesNotContain(features, f => f.requires_grad);

        var (judged, objects) = _detector.Judge(features, image.Size, prompt.Build([0]), prompt.Classes, targets);
        Assert.Equal(loss.item<float>(), judged, 1e-4);
        Assert.Equal(_detector.Detect(features, image.Size, prompt.Build([0]), prompt.Classes), objects);

        var fresh = _detector.EncodeImage(image.Load().FlipHorizontal());
        Assert.All(fresh.Zip(features), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
    }

    [Fact]
    public void Full_training_lowers_the_loss_leaves_the_encoders_and_its_folder_is_the_trained_model()
    {
        var target = _folder["trained"];
        var options = Training(DetectionMethod.Full) with { ModelFolder = target };
        using (var result = DetectionSearch.Run(options))
        {
            Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
            using var text = DetectionSearch.Run(Training(DetectionMethod.Text) with { Model = target });
            Assert.Equal(result.BestLoss, text.StartLoss, 1e-4);
        }

        using var scope = NewDisposeScope();
        using var before = GroundingDinoModel.FromFolder(s_model);
        using var after = GroundingDinoModel.FromFolder(target);
        string[] changed = [.. before.NamedWeights().Zip(after.NamedWeights()).Where(p => !p.First.Value.Value.equal(p.Second.Value.Value).all().item<bool>()).Select(p => p.First.Key)];
        Assert.DoesNotContain(changed, k => k.StartsWith("model.backbone.", StringComparison.Ordinal) || k.StartsWith("model.text_backbone.", StringComparison.Ordinal));
        Assert.Contains(changed, k => k.StartsWith("model.text_projection.", StringComparison.Ordinal));
        Assert.Contains(changed, k => k.StartsWith("model.decoder.layers.", StringComparison.Ordinal));
        Assert.Contains("GLIP's", Assert.Throws<ConesException>(() => DetectionSearch.Run(Training(DetectionMethod.Linear))).Message);
    }

    [Fact]
    public void A_second_stage_prototypes_and_views_are_possible()
    {
        var concept = _folder["first" + ConceptFile.Extension];
        double loss;
        using (var first = DetectionSearch.Run(_detector, Training(DetectionMethod.Concept) with { Init = ClassInit.Prototype, Views = 1 }))
        {
            Assert.True(first.BestLoss < first.StartLoss, $"{first.StartLoss} -> {first.BestLoss}");
            first.Concept.Save(concept);
            loss = first.BestLoss;
        }

        using var second = DetectionSearch.Run(Training(DetectionMethod.Full) with { From = concept });
        Assert.Equal(loss, second.StartLoss, 1e-4);
        Assert.True(second.BestLoss < second.StartLoss, $"{second.StartLoss} -> {second.BestLoss}");
    }

    DetectionSearchOptions Training(DetectionMethod method) => new()
    {
        Model = s_model,
        Train = DrawnData.Make(_folder.Path, 2),
        Validation = DrawnData.Make(_folder.Path, 2, seed: 2),
        Method = method,
        Choice = StepChoice.Loss,
        Augmentation = method == DetectionMethod.Full ? AugmentationKind.None : null,
        Search = DetectionSearchOptions.DefaultSearch(method) with { Steps = 4, Accumulate = 2, EvaluationInterval = 2, Seed = 7 },
    };

    [Fact]
    public void An_image_of_a_fixed_padded_size_keeps_its_mask()
    {
        using var scope = NewDisposeScope();
        var folder = ModelCopy.Make(s_model, _folder["padded"], "preprocessor_config.json", j => j["pad_size"] = new System.Text.Json.Nodes.JsonObject { ["height"] = 96, ["width"] = 128 });
        using var padded = GroundingDinoDetector.FromFolder(folder);
        var features = padded.EncodeImage(_image);
        Assert.Equal([1, 1, 96, 128], features[^1].shape);
        using var finder = ObjectFinder.OfClasses(padded, s_classes);
        Assert.All(finder.Find(_image), f => Assert.True(f.Box.Right <= _image.Width + 1e-3 && f.Box.Bottom <= _image.Height + 1e-3));
    }

    [Fact]
    public void Boxes_are_cut_at_the_border_and_empty_ones_are_left_out()
    {
        var targets = _detector.Assign([], new ImageSize(50, 100), [new(-10, 10, 30, 20), new(120, 0, 10, 10), new(5, 5, 0, 4)], [1, 0, 2]);
        Assert.Equal([1], targets.Classes);
        Assert.Throws<ArgumentException>(() => _detector.Assign([], new ImageSize(50, 100), [], [1]));
    }

    [Fact]
    public void A_search_leaves_no_tensor_behind()
    {
        var options = Options(DetectionMethod.Concept);
        DetectionSearch.Run(_detector, options).Dispose();
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        DetectionSearch.Run(_detector, options).Dispose();
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void The_family_is_recognised_and_its_concepts_are_refused_elsewhere()
    {
        using (var loaded = Detectors.Load(s_model)) Assert.Equal("grounding-dino", loaded.Family);
        using (var glip = Detectors.Load(DrawnData.Model))
        {
            Assert.Equal("glip", glip.Family);
            Assert.Equal(glip.Fingerprint, Detectors.FingerprintOf(DrawnData.Model));
            Assert.Equal(glip.Fingerprint, Detectors.FingerprintOf(Path.Combine(DrawnData.Model, "model.pth")));

            using var result = DetectionSearch.Run(glip, Options(DetectionMethod.Concept));
            var path = _folder["glip.concept.safetensors"];
            result.Concept.Save(path);
            var message = Assert.Throws<ConesException>(() => ObjectFinder.OfConcepts(_detector, [path], "tiny")).Message;
            Assert.Contains("another model (glip, 24 dimensions", message);
        }

        Assert.Equal(_detector.Fingerprint, Detectors.FingerprintOf(s_model));
        Assert.NotEqual(_detector.Fingerprint, Detectors.FingerprintOf(DrawnData.Golden("grounding-dino/mmgdino-unshared/model")));
        var other = ModelCopy.Make(s_model, _folder["clip"], "config.json", j => j["model_type"] = "clip");
        Assert.Contains("describes a clip", Assert.Throws<ConesException>(() => Detectors.Load(other)).Message);
    }

    [Fact]
    public void What_cannot_be_used_is_named()
    {
        var folder = ModelCopy.Make(s_model, _folder["bare"], "preprocessor_config.json", _ => { });
        foreach (var file in (string[])["vocab.txt", "tokenizer.json"]) File.Delete(Path.Combine(folder, file));
        using var bare = GroundingDinoDetector.FromFolder(folder);
        Assert.Contains("no tokenizer", Assert.Throws<ConesException>(() => bare.EncodeCaption(s_classes)).Message);
        Assert.Contains("has no tokens", Assert.Throws<ConesException>(() => _detector.LayOut([new("x", " ")])).Message);
        Assert.Contains("leave it out", Assert.Throws<ConesException>(() => _detector.EncodeImage(new RgbImage(2000, 4))).Message);
        Assert.Throws<ArgumentException>(() => TextMasks.OfClasses([[1], [3]], 4));
        Assert.Throws<ArgumentException>(() => TextMasks.OfClasses([[2], [1]], 6));
    }

    [Fact]
    public void Learned_slots_belong_to_the_phrase_of_their_class()
    {
        // [CLS] x a . x b b . [SEP]
        Assert.Equal([0, 0, 1, 2, 0, 1, 2, 3, 0], Positions([[2], [5, 6]], 9));
        // [CLS] a y . b b y . z z [SEP]
        Assert.Equal([0, 0, 1, 2, 0, 1, 2, 3, 0, 1, 0], Positions([[1], [4, 5]], 11));
        // [CLS] a y . [SEP]
        Assert.Equal([0, 0, 1, 2, 0], Positions([[1]], 5));

        static IEnumerable<long> Positions(IReadOnlyList<IReadOnlyList<int>> classes, int length)
        {
            using var masks = TextMasks.OfClasses(classes, length);
            return masks.PositionIds.data<long>().ToArray();
        }
    }

    DetectionSearchOptions Options(DetectionMethod method)
    {
        var defaults = DetectionSearchOptions.DefaultSearch(method);
        return new DetectionSearchOptions
        {
            Model = s_model,
            Train = DrawnData.Make(_folder.Path, 2),
            Method = method,
            Search = defaults with { Steps = 6, Accumulate = 1, EvaluationInterval = 2, Seed = 7 },
        };
    }
}
