using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Head;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

public sealed class GlipDetectionTests : IDisposable
{
    static readonly GlipAnchorConfig s_anchors = new() { Sizes = [16, 32, 64, 128, 256] };
    static readonly ImageSize s_image = new(32, 64);

    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void The_threshold_comes_before_centerness()
    {
        var outputs = Outputs((0, 0, 0.06), (0, 7, 0.049));
        outputs.Centerness[0][0, 0, 0, 0] = -5; // far from the centre: 0.0067
        var found = Process(outputs, new GlipDetectionConfig());
        var detection = Assert.Single(found);
        Assert.Equal(Math.Sqrt(0.06 / (1 + Math.Exp(5))), detection.Score, 4);
    }

    [Fact]
    public void A_class_scores_the_mean_of_its_tokens_or_their_maximum()
    {
        var outputs = Outputs((0, 0, 0.8), (1, 0, 0.2));
        Assert.Equal(Math.Sqrt(0.5 / 2), Assert.Single(Process(outputs, new GlipDetectionConfig(), [[0, 1]])).Score, 4);
        Assert.Equal(Math.Sqrt(0.8 / 2), Assert.Single(Process(outputs, new GlipDetectionConfig { ScoreAggregation = GlipScoreAggregation.Max }, [[0, 1]])).Score, 4);
        Assert.Equal(2, Assert.Single(Process(outputs, new GlipDetectionConfig { ScoreThreshold = 0.3 }, [[], [0], [1]])).Label);
    }

    [Fact]
    public void Overlapping_boxes_of_one_class_are_suppressed_those_of_another_stay()
    {
        // Neighbours 8 pixels apart with boxes of 16: an overlap of (8+... )/..., below 0.6; the same anchor twice: 1.
        var outputs = Outputs((0, 0, 0.9), (1, 0, 0.8), (0, 1, 0.7));
        var found = Process(outputs, new GlipDetectionConfig(), [[0], [1]]);
        Assert.Equal([1, 2, 1], found.Select(d => d.Label));
        Assert.Equal(2, Process(outputs, new GlipDetectionConfig { NmsThreshold = 0.2 }, [[0], [1]]).Count);
    }

    [Fact]
    public void Widths_include_both_corners()
    {
        var a = new GlipDetection(0, 0, 9, 9, 1, 1);
        Assert.Equal(50 / 150.0, a.IntersectionOverUnion(a with { X1 = 5, X2 = 14 }), 6);
        Assert.Equal(0, a.IntersectionOverUnion(a with { X1 = 10, X2 = 19 }));
    }

    [Fact]
    public void Ties_with_the_last_detection_stay()
    {
        var outputs = Outputs((0, 0, 0.9), (0, 3, 0.5), (0, 6, 0.5), (0, 20, 0.4));
        Assert.Equal(3, Process(outputs, new GlipDetectionConfig { DetectionsPerImage = 2 }).Count);
        Assert.Single(Process(outputs, new GlipDetectionConfig { DetectionsPerImage = 1 }));
        Assert.Equal(4, Process(outputs, new GlipDetectionConfig { DetectionsPerImage = 0 }).Count);
        Assert.Equal(2, Process(outputs, new GlipDetectionConfig { CandidatesPerLevel = 2 }).Count);
    }

    [Fact]
    public void Boxes_are_cut_off_at_the_image_and_scaled_to_the_original()
    {
        var outputs = Outputs((0, 0, 0.9));
        var size = new ImageSize(20, 40);
        var processor = new GlipPostProcessor(new GlipDetectionConfig(), s_anchors);
        var resized = Assert.Single(processor.Process(outputs, [[[0]]], [size])[0]);
        var original = Assert.Single(processor.Process(outputs, [[[0]]], [size], [new ImageSize(40, 120)])[0]);
        Assert.Equal((0f, 0f, 11f, 11f), (resized.X1, resized.Y1, resized.X2, resized.Y2)); // the anchor of 16 pixels around 3.5
        Assert.Equal((0f, 0f, 33f, 22f), (original.X1, original.Y1, original.X2, original.Y2));
    }

    [Fact]
    public void Wrong_numbers_are_refused()
    {
        var (outputs, processor) = (Outputs(), new GlipPostProcessor(new GlipDetectionConfig(), s_anchors));
        Throws(() => processor.Process(outputs, [[[0]], [[1]]], [s_image]), "2 captions", "1");
        Throws(() => processor.Process(outputs, [[[0]]], [s_image, s_image]), "2 sizes", "1 images");
        Throws(() => processor.Process(outputs, [[[2]]], [s_image]), "token 2", "2");
        Throws(() => GlipAnchors.Create(s_anchors, [s_image]), "1 levels", "5");
        Throws(() => GlipBoxCoder.Encode(zeros(2, 4), zeros(3, 4)), "[2,4]", "[3,4]");

        static void Throws(Action action, params string[] parts)
        {
            var message = Assert.Throws<ArgumentException>(action).Message;
            Assert.All(parts, p => Assert.Contains(p, message));
        }
    }

    [Fact]
    public void Decoding_undoes_encoding()
    {
        var anchors = GlipAnchors.Create(s_anchors, s_image).ToTensor();
        var boxes = anchors + rand(anchors.shape) * 3;
        Assert.True(GlipBoxCoder.Decode(GlipBoxCoder.Encode(boxes, anchors), anchors).allclose(boxes, atol: 1e-3));
    }

    [Fact]
    public void Anchors_take_an_aspect_ratio()
    {
        // A cell of 8 becomes 6 wide (rounded from 5.66) and 12 high; enlarged twice.
        var anchors = GlipAnchors.Create(s_anchors with { AspectRatio = 2 }, s_image);
        Assert.Equal([-2, -8, 9, 15], anchors.Boxes[..4].ToArray());
        Assert.Equal(32 + 8 + 2 + 1 + 1, anchors.Count);
    }

    static IReadOnlyList<GlipDetection> Process(GlipOutputs outputs, GlipDetectionConfig config, IReadOnlyList<IReadOnlyList<int>>? classes = null) =>
        new GlipPostProcessor(config, s_anchors).Process(outputs, [classes ?? [[0]]], [s_image])[0];

    // Two tokens; every pixel has the probability 0 but for those named (on the first level); boxes are the anchors, centerness is 1/2.
    static GlipOutputs Outputs(params (int Token, int Pixel, double Probability)[] found)
    {
        (long H, long W)[] sizes = [(4, 8), (2, 4), (1, 2), (1, 1), (1, 1)];
        var logits = sizes.Select(s => full([1, s.H * s.W, 2], -50f)).ToArray();
        foreach (var (token, pixel, probability) in found) logits[0][0, pixel, token] = (float)Math.Log(probability / (1 - probability));
        return new GlipOutputs(logits, [.. sizes.Select(s => zeros(1, 4, s.H, s.W))], [.. sizes.Select(s => zeros(1, 1, s.H, s.W))]);
    }
}
