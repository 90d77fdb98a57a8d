using Cones.Models.Glip.Configuration;
using Cones.Pretraining.Recipes.Detector;
using Cones.Pretraining.Scenes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Tests.Recipes.Detector;

public sealed class DetectorBatchTests : IDisposable
{
    static readonly SceneClass s_redCircle = new(ShapeKind.Circle, 0, 0, null);
    static readonly SceneClass s_blueRing = new(ShapeKind.Ring, 4, 0, null);
    readonly DrawnData _data = new();
    readonly GlipConfig _config;
    readonly DetectorBatch _batch;

    public DetectorBatchTests()
    {
        _config = DetectorConfigs.Fusion(_data.Vocabulary.Count);
        var first = DrawnData.Scene(64, (s_redCircle, new SceneBox(8, 16, 40, 48)), (s_blueRing, new SceneBox(40, 0, 60, 20)));
        var second = DrawnData.Scene(64, (s_blueRing, new SceneBox(0, 0, 64, 64)));
        _batch = new DetectorBatch(_config, _data.Tokenizer, [DrawnData.Captioned(first, "red circle", "red shape", "star"), DrawnData.Captioned(second, "ring")]);
    }

    public void Dispose()
    {
        _batch.Dispose();
        _data.Dispose();
    }

    [Fact]
    public void Boxes_have_the_tokens_of_every_phrase_that_is_true_of_them()
    {
        // The ring of the first scene is not in its caption: it is background there.
        Assert.Equal([(0, s_redCircle), (1, s_blueRing)], _batch.Boxes.Select(b => (b.Image, b.Class)));
        // [CLS] red circle . red shape . star [SEP]
        Assert.Equal([0f, 1, 1, 0, 1, 1, 0, 0, 0], _batch.PositiveMap[0].data<float>().ToArray());
        Assert.Equal([0f, 1, 0, 0, 0, 0, 0, 0, 0], _batch.PositiveMap[1].data<float>().ToArray());
        Assert.Equal([9L, 3], _batch.Mask.sum(1).data<long>().ToArray());
    }

    [Fact]
    public void A_phrase_is_the_mean_of_its_tokens()
    {
        Assert.Equal([2L, 3, 9], _batch.PhraseTokens.shape);
        Assert.Equal([0f, 0.5f, 0.5f, 0, 0, 0, 0, 0, 0], _batch.PhraseTokens[0][0].data<float>().ToArray());
        Assert.Equal([1f, 1, 1, 1, 0, 0], _batch.PhraseTokens.sum(2).flatten().data<float>().ToArray());
    }

    [Fact]
    public void Positive_anchors_lie_in_their_boxes()
    {
        var positives = _batch.Positives();
        Assert.Equal([0, 1], positives.Select(p => p.Box).Distinct().Order());
        var perImage = _batch.Assignments[0].AnchorCount;
        Assert.Equal((8 * 8) + (4 * 4) + (2 * 2) + 1 + 1, perImage);
        Assert.All(positives, p => Assert.Equal(p.Box, (int)(p.Anchor / perImage)));
        // Level P3: strides of 8 pixels.
        foreach (var (anchor, _) in positives.Where(p => p.Anchor < 64))
            Assert.True((anchor % 8 * 8) + 3.5 is > 8 and < 39 && (anchor / 8 * 8) + 3.5 is > 16 and < 47);
    }

    [Fact]
    public void Pixels_are_those_that_the_published_processor_makes()
    {
        Assert.Equal([2L, 3, 64, 64], _batch.Pixels.shape);
        // A black canvas; channels come as B, G, R.
        for (var c = 0; c < 3; c++) Assert.Equal(-_config.Input.Mean[c] / _config.Input.Std[c], _batch.Pixels[0][c].mean().item<float>(), 1e-4);
    }

    [Fact]
    public void The_right_phrase_has_no_loss_and_all_of_the_accuracy()
    {
        using var scope = NewDisposeScope();
        var metrics = new Dictionary<string, double>();
        var logits = zeros(2, _batch.Assignments[0].AnchorCount, 9);
        Assert.Equal((Math.Log(3) * 9 + 0) / 9, GroundingOf(0), 1e-3);
        Assert.Equal(2 / 3.0, metrics["in_caption_chance"], 1e-6);
        logits.narrow(2, 1, 2).fill_(30);
        logits.narrow(2, 4, 2).fill_(30);
        Assert.Equal(Math.Log(2), GroundingOf(0), 1e-3); // two right phrases share
        Assert.Equal(1, metrics["in_caption_accuracy"], 1e-6);
        logits.narrow(2, 7, 1).fill_(60);
        Assert.True(GroundingOf(0) > 20);
        Assert.Equal(0, metrics["in_caption_accuracy"], 1e-6);

        // Of the first image only.
        double GroundingOf(int image)
        {
            var scene = DrawnData.Scene(64, (s_redCircle, new SceneBox(8, 16, 40, 48)));
            using var batch = new DetectorBatch(_config, _data.Tokenizer, [DrawnData.Captioned(scene, "red circle", "red shape", "star")]);
            using var loss = GroundingLoss.InCaption(batch, logits.narrow(0, image, 1), metrics);
            return loss.item<float>();
        }
    }

    [Fact]
    public void The_cosine_of_names_tells_a_collapse()
    {
        Assert.Equal(1, GroundingLoss.MeanCosine(ones(5, 8)), 1e-5);
        Assert.Equal(0, GroundingLoss.MeanCosine(eye(5)), 1e-5);
        Assert.Equal(0.6, GroundingLoss.MeanCosine(tensor(new float[] { 1, 0, 0.6f, 0.8f }).view(2, 2)), 1e-5);
    }

    [Fact]
    public void Regions_that_resemble_their_names_lose_nothing()
    {
        using var scope = NewDisposeScope();
        using var loss = new GroundingLoss(8, 8);
        foreach (var (name, weight) in loss.NamedWeights())
            weight.Assign(name == "scale" ? tensor([3f]) : weight.Shape.Count == 2 ? eye(8) : zeros(8));
        // "red circle" and "red shape" are one direction, "star" and "ring" others.
        var hidden = zeros(2, 9, 8);
        hidden[0].narrow(0, 1, 5).select(1, 0).fill_(1);
        hidden[0][7][2] = 1;
        hidden[1][1][1] = 1;
        var levels = new[] { 8, 4, 2, 1, 1 }.Select(s => zeros(2, 8, s, s)).ToArray();
        foreach (var level in levels)
        {
            level[0][0].fill_(1);
            level[1][1].fill_(1);
        }

        var metrics = new Dictionary<string, double>();
        var right = loss.AcrossImages(_batch, levels, hidden, metrics).item<float>();
        var wrong = loss.AcrossImages(_batch, [.. levels.Select(l => l.flip(0))], hidden, metrics).item<float>();
        Assert.InRange(right, 0, 0.7); // where two names are equally right, no more is possible than their halves
        Assert.True(wrong > 15);
    }
}
