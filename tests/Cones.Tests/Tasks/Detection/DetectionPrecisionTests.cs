using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using Cones.Prompts.Detection;
using Cones.Search.Runs;
using Cones.Tasks.Detection;
using Cones.Tests.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Detection;

/// <summary>Detectors whose weights have half precision, with the tiny models of the goldens.</summary>
public sealed class DetectionPrecisionTests : IDisposable
{
    const string Dino = "grounding-dino/e2e-caption/model";

    static readonly ClassPrompt[] s_classes = [new("cat", "cat"), new("remote control", "remote control")];

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("glip/model_a", ScalarType.BFloat16, 0.05)]
    [InlineData("glip/model_a", ScalarType.Float16, 0.01)]
    [InlineData("glip/model_b", ScalarType.BFloat16, 0.05)]
    [InlineData("glip/model_b", ScalarType.Float16, 0.01)]
    [InlineData(Dino, ScalarType.BFloat16, 0.05)]
    [InlineData(Dino, ScalarType.Float16, 0.01)]
    public void Loss_and_gradient_are_nearly_those_of_float32_and_glips_objects_too(string model, ScalarType precision, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (loss, gradient, objects) = Run(model, ScalarType.Float32);
        var (halfLoss, halfGradient, halfObjects) = Run(model, precision);
        Assert.NotEqual(loss, halfLoss);
        var (ofLoss, ofGradient) = (Math.Abs(halfLoss - loss) / loss, ((halfGradient - gradient).norm() / gradient.norm()).item<float>());
        var (ofScore, overlap) = (0.0, 1.0);
        foreach (var expected in objects.Take(model == Dino ? 0 : 5))
        {
            var found = halfObjects.Where(o => o.Class == expected.Class).MaxBy(o => o.Box.Iou(expected.Box));
            (ofScore, overlap) = (Math.Max(ofScore, Math.Abs(found.Score - expected.Score) / expected.Score), Math.Min(overlap, found.Box.Iou(expected.Box)));
        }

        var told = $"loss {ofLoss:p2}, gradient {ofGradient:p2}, scores {ofScore:p2}, overlap {overlap:p2}";
        Assert.True(ofLoss < tolerance && ofGradient < 5 * tolerance && ofScore < tolerance && overlap > 1 - (2 * tolerance), told);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Grounding_dino_finds_some_of_the_surest_objects_again(ScalarType precision)
    {
        // Its random weights score places nearly the same: rounding changes which of them become queries.
        var image = RgbImage.Load(DrawnData.Golden("grounding-dino/e2e-caption/image.png"));
        var (whole, half) = (Find(ScalarType.Float32), Find(precision));
        Assert.InRange(whole.Take(5).Count(e => half.Any(o => o.Name == e.Name && o.Box.Iou(e.Box) > 0.7 && Math.Abs(o.Score - e.Score) < 0.15 * e.Score)), 2, 5);

        IReadOnlyList<FoundObject> Find(ScalarType type)
        {
            using var detector = Detectors.Load(DrawnData.Golden(Dino), new LoadOptions { Type = type });
            using var finder = ObjectFinder.OfClasses(detector, s_classes);
            return finder.Find(image);
        }
    }

    [Theory]
    [InlineData(DetectionMethod.Concept, ScalarType.BFloat16, 0.05)]
    [InlineData(DetectionMethod.Concept, ScalarType.Float16, 0.01)]
    [InlineData(DetectionMethod.PseudoWord, ScalarType.BFloat16, 0.05)]
    [InlineData(DetectionMethod.PseudoWord, ScalarType.Float16, 0.01)]
    public void A_search_finds_nearly_the_same(DetectionMethod method, ScalarType precision, double tolerance)
    {
        foreach (var model in (string[])["glip/model_a", Dino])
        {
            var options = Options(model, method);
            using var whole = DetectionSearch.Run(options);
            using var half = DetectionSearch.Run(options with { Precision = precision });
            Assert.Equal(1, half.StartLoss / whole.StartLoss, tolerance);
            Assert.Equal(1, half.BestLoss / whole.BestLoss, tolerance);
            Assert.NotEqual(whole.BestLoss, half.BestLoss);
            Assert.True(half.BestLoss < half.StartLoss, $"{half.StartLoss} -> {half.BestLoss}");
            Assert.Equal(0, half.Search!.SkippedSteps);
            Assert.All(half.Concept.Concepts, c => Assert.Equal(ScalarType.Float32, c.Embeddings.dtype));
        }
    }

    [Fact]
    public void Prototypes_and_views_are_made_in_half_precision_too()
    {
        foreach (var model in (string[])["glip/model_a", Dino])
        {
            using var result = DetectionSearch.Run(Options(model, DetectionMethod.Concept) with { Init = ClassInit.Prototype, Views = 1, Precision = ScalarType.BFloat16 });
            Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
        }
    }

    [Fact]
    public void A_run_says_its_precision_and_goes_on_in_no_other()
    {
        var options = Options("glip/model_a", DetectionMethod.Concept);
        SaveRun(options with { Precision = ScalarType.BFloat16 });
        Assert.Contains("\"precision\": \"bf16\"", File.ReadAllText(_folder["run/options.json"]));
        Assert.Contains("options.json", Assert.Throws<ConesException>(() => SaveRun(options)).Message);
        SaveRun(options with { Precision = ScalarType.BFloat16 });

        void SaveRun(DetectionSearchOptions options)
        {
            using var folder = RunFolder.Open(_folder["run"], details: DetectionRunDescription.Describe(options));
            DetectionSearch.Run(options, folder).Dispose();
        }
    }

    [Theory]
    [InlineData(DetectionMethod.Full, "full")]
    [InlineData(DetectionMethod.Linear, "linear")]
    public void Weights_are_trained_in_float32_only(DetectionMethod method, string name) => Assert.Equal(
        $"the method {name} trains the weights themselves, which needs fp32: leave --precision out",
        Assert.Throws<ConesException>(() => DetectionSearch.Run(Options("glip/model_a", method) with { Precision = ScalarType.BFloat16 })).Message);

    (double Loss, Tensor Gradient, IReadOnlyList<DetectedObject> Objects) Run(string model, ScalarType type)
    {
        using var detector = Detectors.Load(DrawnData.Golden(model), new LoadOptions { Type = type });
        var data = DrawnData.Make(_folder.Path, 1);
        using var examples = DetectionExamples.Create(detector, new ViewMaker(data, s_classes), 0, 1 << 20, _folder.Path);
        using var caption = detector.EncodeCaption(s_classes);
        using var prompt = new ClassSlotsPrompt(caption, ClassVectors.OfNames(caption, 0, 1));
        var (features, targets) = examples.Read(0);
        var loss = detector.Loss(features, prompt.Build([0]), prompt.Classes, targets);
        Assert.Equal(ScalarType.Float32, loss.dtype);
        loss.backward();
        var (_, objects) = detector.Judge(features, data.Images[0].Size, prompt.Build([0]), prompt.Classes, targets);
        return (loss.item<float>(), prompt.Moves.grad!.clone(), objects);
    }

    DetectionSearchOptions Options(string model, DetectionMethod method)
    {
        var defaults = DetectionSearchOptions.DefaultSearch(method);
        return new DetectionSearchOptions
        {
            Model = DrawnData.Golden(model),
            Train = DrawnData.Make(_folder.Path, 2),
            Method = method,
            Search = defaults with { Steps = 2, Accumulate = 2, EvaluationInterval = 1, Seed = 7 },
        };
    }
}
