using Cones.Data.Masks;
using Cones.Models;
using Cones.Models.Sam3;
using Cones.Models.Weights;
using Cones.Prompts.Detection;
using Cones.Tasks.Segmentation;
using Cones.Tests.Search;
using Cones.Tests.Tasks.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Segmentation;

/// <summary>Segmenters whose weights have half precision, with the tiny models of the goldens.</summary>
public sealed class SegmentationPrecisionTests : IDisposable
{
    static readonly ClassPrompt[] s_classes = [new("cat", "cat"), new("remote control", "sign")];

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, ScalarType.BFloat16, 0.05, 0.15)]
    [InlineData(false, ScalarType.Float16, 0.01, 0.03)]
    [InlineData(true, ScalarType.BFloat16, 0.05, double.PositiveInfinity)] // other queries of the random weights are matched
    [InlineData(true, ScalarType.Float16, 0.01, 0.03)]
    public void Loss_gradient_and_masks_are_nearly_those_of_float32(bool sam3, ScalarType precision, double tolerance, double gradientTolerance)
    {
        using var scope = NewDisposeScope();
        var (loss, gradient, objects) = Run(sam3, ScalarType.Float32);
        var (halfLoss, halfGradient, halfObjects) = Run(sam3, precision);
        Assert.NotEqual(loss, halfLoss);
        var (ofLoss, ofGradient) = (Math.Abs(halfLoss - loss) / loss, ((halfGradient - gradient).norm() / gradient.norm()).item<float>());
        var (ofScore, overlap) = (0.0, 1.0);
        foreach (var expected in objects.OrderByDescending(o => o.Score).Take(5))
        {
            // Several queries find the same.
            var found = halfObjects.Where(o => o.Prompt == expected.Prompt).MaxBy(o => o.Mask.Iou(expected.Mask) - Math.Abs(o.Score - expected.Score));
            (ofScore, overlap) = (Math.Max(ofScore, Math.Abs(found.Score - expected.Score)), Math.Min(overlap, found.Mask.Iou(expected.Mask)));
        }

        var told = $"loss {ofLoss:p2}, gradient {ofGradient:p2}, scores {ofScore:p2}, overlap {overlap:p2}";
        Assert.True(ofLoss < tolerance && ofGradient < gradientTolerance && ofScore < tolerance && overlap > 1 - (2 * tolerance), told);
    }

    [Theory]
    [InlineData(false, SegmentationMethod.Concept, ScalarType.BFloat16, 0.05)]
    [InlineData(false, SegmentationMethod.Concept, ScalarType.Float16, 0.01)]
    [InlineData(true, SegmentationMethod.Concept, ScalarType.BFloat16, 0.05)]
    [InlineData(true, SegmentationMethod.Concept, ScalarType.Float16, 0.01)]
    [InlineData(true, SegmentationMethod.PseudoWord, ScalarType.BFloat16, 0.05)]
    [InlineData(true, SegmentationMethod.PseudoWord, ScalarType.Float16, 0.01)]
    public void A_search_finds_nearly_the_same(bool sam3, SegmentationMethod method, ScalarType precision, double tolerance)
    {
        var options = Options(sam3, method);
        using var whole = SegmentationSearch.Run(options);
        using var half = SegmentationSearch.Run(options with { Precision = precision });
        Assert.Equal(1, half.StartLoss / whole.StartLoss, tolerance);
        Assert.Equal(1, half.BestLoss / whole.BestLoss, tolerance);
        Assert.NotEqual(whole.BestLoss, half.BestLoss);
        Assert.Equal(2, half.Search!.Step);
        if (precision == ScalarType.Float16 || !sam3) Assert.True(half.BestLoss < half.StartLoss, $"{half.StartLoss} -> {half.BestLoss}");
        Assert.Equal(0, half.Search!.SkippedSteps);
        Assert.All(half.Concept!.Concepts, c => Assert.Equal(ScalarType.Float32, c.Embeddings.dtype));
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, 0.2)]
    [InlineData(ScalarType.Float16, 0.05)]
    public void Scores_of_sam3_and_their_gradient_are_nearly_those_of_float32(ScalarType precision, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (whole, half) = (Scores(ScalarType.Float32), Scores(precision));
        for (var i = 0; i < whole.Length; i++) Assert.True(((half[i] - whole[i]).norm() / whole[i].norm()).item<float>() < tolerance, $"{i}: {((half[i] - whole[i]).norm() / whole[i].norm()).item<float>()}");

        static Tensor[] Scores(ScalarType type)
        {
            using var model = Sam3Model.FromFolder(DrawnData.Golden("sam3/model"), new LoadOptions { Type = type });
            using var generator = new Generator(3);
            var side = model.Config.Vision.Backbone.ImageSize;
            var (pixels, prompt) = (randn([1, 3, side, side], generator: generator), randn([1, 4, model.Config.DetrEncoder.HiddenSize], generator: generator).requires_grad_());
            var output = model.Forward(model.EncodeImage(pixels), prompt);
            Assert.Equal((ScalarType.Float32, ScalarType.Float32), (output.PredBoxes.dtype, output.PredLogits.dtype));
            return [output.PredLogits.detach(), output.PredBoxes.detach(), autograd.grad([output.PredLogits.sum()], [prompt])[0]];
        }
    }

    [Fact]
    public void Kept_features_are_of_one_precision()
    {
        var options = Options(sam3: false, SegmentationMethod.Text) with { Cache = new CacheOptions { Folder = _folder["features"] } };
        int[] encoded = [.. ((ScalarType[])[ScalarType.Float32, ScalarType.BFloat16, ScalarType.BFloat16, ScalarType.Float16, ScalarType.Float32]).Select(p =>
        {
            using var result = SegmentationSearch.Run(options with { Precision = p });
            return result.Encoded;
        })];
        Assert.Equal([2, 2, 0, 2, 0], encoded);
    }

    [Fact]
    public void Weights_are_trained_in_float32_only() => Assert.Equal(
        "the method full trains the weights themselves, which needs fp32: leave --precision out",
        Assert.Throws<ConesException>(() => SegmentationSearch.Run(Options(sam3: false, SegmentationMethod.Full) with { Precision = ScalarType.Float16 })).Message);

    string Model(bool sam3) => sam3 ? SegmentedData.Sam3(_folder["sam3"]) : SegmentedData.Sam;

    (double Loss, Tensor Gradient, IReadOnlyList<SegmentedObject> Objects) Run(bool sam3, ScalarType type)
    {
        using var segmenter = Segmenters.Load(Model(sam3), new LoadOptions { Type = type });
        var data = SegmentedData.Make(_folder.Path, 1);
        var example = SegmentationExamples.Create(segmenter, data, s_classes, BoxSource.Annotations, null, flip: false).Items[0];
        using var cache = new ImageEmbeddingCache(new CacheOptions(), CPU);
        using var prompt = segmenter.CreatePrompt(new SegmentationPromptOptions(SegmentationMethod.Concept, s_classes, 0, TokenInit.Neutral, 1));
        var features = new ImageFeatures(segmenter, cache).Of(example.Image);
        SegmentationTarget[] targets = [.. example.Targets.Where(t => !sam3 || t.Class == 0)];
        int[] rows = sam3 ? [0] : [.. targets.Select(t => t.Class)];
        var loss = segmenter.Loss(features, example.Image.Size, prompt.Build(rows), targets);
        Assert.Equal(ScalarType.Float32, loss.dtype);
        loss.backward();
        using var noGrad = no_grad();
        var objects = segmenter.Segment(features, example.Image.Size, prompt.Build(rows), [.. targets.Select(t => t.Prompt)], 0).ToArray();
        return (loss.item<float>(), prompt.Parameters[0].Value.grad!.clone(), objects);
    }

    SegmentationSearchOptions Options(bool sam3, SegmentationMethod method) => new()
    {
        Model = Model(sam3),
        Train = SegmentedData.Make(_folder.Path, 2),
        Classes = s_classes,
        Method = method,
        Search = SegmentationSearchOptions.DefaultSearch(method) with { Steps = 2, Accumulate = 2, EvaluationInterval = 1, Seed = 7 },
    };
}
