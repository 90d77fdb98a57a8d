using Cones.Models.GroundingDino.Detections;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using TorchSharp;
using static Cones.Models.Tests.Bert.BertTestModels;
using static Cones.Models.Tests.GroundingDino.GroundingDinoTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

public sealed class PostProcessorTests : IDisposable
{
    static readonly ImageSize s_size = new(100, 200);

    readonly DisposeScope _scope = NewDisposeScope();

    // Two queries, four tokens of which the last is padding.
    readonly Tensor _logits = tensor(new[] { -2f, 2f, 0f, float.NegativeInfinity, -3f, -1f, 3f, float.NegativeInfinity }).view(2, 4);
    readonly Tensor _boxes = tensor(new[] { 0.5f, 0.5f, 0.5f, 0.5f, 0.1f, 0.9f, 0.4f, 0.4f }).view(2, 4);

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void By_class_the_best_pairs_come_first_and_boxes_end_at_the_border()
    {
        var found = GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, [[1], [2]], maxDetections: 3);
        Assert.Equal([(1, 1), (0, 0), (0, 1)], found.Select(d => (d.Query, d.Label)));
        Assert.Equal(1 / (1 + Math.Exp(-3)), found[0].Score, 1e-6);
        Assert.Equal(new DetectedBox(0, 70, 60, 100), found[0].Box with { X2 = MathF.Round(found[0].Box.X2), Y1 = MathF.Round(found[0].Box.Y1) });
        Assert.Equal(new DetectedBox(50, 25, 150, 75), found[1].Box);
        Assert.Equal(4, GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, [[1], [2]]).Count);
        Assert.Equal(2, GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, [[1], [2]], threshold: 0.6).Count);
    }

    [Fact]
    public void A_class_of_several_tokens_has_their_mean_or_highest_score()
    {
        var highest = GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, [[1, 2]])[0].Score;
        var mean = GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, [[1, 2]], ScoreAggregation.Mean)[0].Score;
        Assert.Equal(Sigmoid(3), highest, 1e-6);
        Assert.Equal((Sigmoid(2) + Sigmoid(0)) / 2, mean, 1e-6);
    }

    [Fact]
    public void By_phrase_every_query_above_the_threshold_is_named_by_its_tokens()
    {
        var tokenizer = BertTokenizer.FromFolder(Golden("grounding-dino/tokenizer"));
        var ids = tokenizer.Encode("cat. ");
        var found = GroundingDinoPostProcessor.ByPhrase(_logits, _boxes, s_size, ids, tokenizer, threshold: 0.9, textThreshold: 0.2);
        var one = Assert.Single(found);
        Assert.Equal((1, "cat."), (one.Query, one.Text));
        // Not cut at the border.
        Assert.Equal(-20, one.Box.X1, 1e-3f);
        Assert.Equal("", GroundingDinoPostProcessor.ByPhrase(_logits, _boxes, s_size, ids, tokenizer, 0.9, 0.99)[0].Text);
        Assert.Empty(GroundingDinoPostProcessor.ByPhrase(_logits, _boxes, s_size, ids, tokenizer, threshold: Sigmoid(3) + 1e-6));
        Assert.Equal("cat", GroundingDinoPostProcessor.ByPhrase(_logits, _boxes, s_size, ids, tokenizer, 0.9, 0.2, maxTextLen: 3)[0].Text);
    }

    [Fact]
    public void Wrong_input_is_refused_with_the_numbers()
    {
        Throws<ArgumentException>(() => GroundingDinoPostProcessor.ByClass(_logits, _boxes[..1], s_size, [[1]]), "[1,4]", "[2,4]");
        Throws<ArgumentException>(() => GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, []), "no classes");
        Throws<ArgumentException>(() => GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, [[1], []]), "class 1", "[]");
        Throws<ArgumentException>(() => GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, [[4]]), "[4]", "0 to 3");
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        GroundingDinoPostProcessor.ByClass(_logits, _boxes, s_size, [[1], [2]]);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
