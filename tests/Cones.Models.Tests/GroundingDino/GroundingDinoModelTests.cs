using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Losses;
using Cones.Models.GroundingDino.Text;
using Cones.Models.GroundingDino.Vision;
using Cones.Models.Imaging;
using TorchSharp;
using static Cones.Models.Tests.GroundingDino.GroundingDinoTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

public sealed class GroundingDinoModelTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    public static TheoryData<string> Variants => [.. GroundingDinoTestModels.Variants.Keys];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Every_kind_of_model_detects_and_trains(string variant)
    {
        var config = GroundingDinoTestModels.Variants[variant];
        using var model = Model(config);
        var frozen = Detect(model, out var features);
        Assert.Equal([2, 2, 5, 7], frozen.Logits.shape);
        Assert.Equal([2, 2, 5, 4], frozen.Boxes.shape);
        Assert.Equal(config.TwoStage, frozen.Proposals is not null);
        Assert.True(frozen.Boxes.isfinite().all().item<bool>());
        Assert.True(frozen.Logits[.., 0].isfinite().all().item<bool>());
        Assert.True(frozen.Logits[.., 1, .., 5..].isneginf().all().item<bool>());
        var expected = autograd.grad([Scalar(frozen)], [features])[0];
        Assert.True(expected.abs().sum().item<float>() > 0);

        model.SetRequiresGrad(true);
        var trained = Detect(model, out features);
        Close(frozen.Boxes, trained.Boxes);
        var loss = Scalar(trained) + model.EncodeText(Captions().Ids).Projected.sin().sum();
        loss.backward();
        Close(expected, features.grad!, 1e-3);
        Assert.All(model.NamedWeights(), w => Assert.True(w.Value.Value.grad is not null, w.Key));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_forward_leaves_its_outputs_and_nothing_else(string variant)
    {
        using var model = Model(GroundingDinoTestModels.Variants[variant]);
        var (pixels, pixelMask) = Images();
        var (ids, mask) = Captions();
        using (NewDisposeScope()) Detect(model, out _);

        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var image = model.EncodeImage(pixels, pixelMask);
        var text = model.EncodeText(ids, mask);
        var features = text.Projected.detach().requires_grad_();
        var output = model.Forward(image, features, text.Masks, details: true);
        Assert.Equal(before + 4 + 5 + 1 + 2 + (output.Proposals is null ? 0 : 5) + 4, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        image.Dispose();
        text.Dispose();
        features.Dispose();
        output.Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void A_training_step_leaves_nothing()
    {
        using var model = Model();
        var (pixels, pixelMask) = Images();
        var image = model.EncodeImage(pixels, pixelMask);
        var masks = Masks();
        var concept = randn(7, 32).requires_grad_();
        DetectionTarget[] targets = [new(tensor(new float[] { 0.5f, 0.5f, 0.2f, 0.3f }).view(1, 4), ones(1, 7), new ImageSize(70, 52)), new(zeros(0, 4), zeros(0, 7), new ImageSize(48, 52))];
        Step();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Step()
        {
            using var scope = NewDisposeScope();
            using var output = model.Forward(image, concept.unsqueeze(0).expand(2, -1, -1), masks);
            using var loss = new GroundingDinoLoss().Compute(output, masks.Tokens, targets);
            var gradient = autograd.grad([loss.Total], [concept])[0];
            Assert.True(gradient.isfinite().all().item<bool>());
        }
    }

    [Fact]
    public void An_image_and_a_text_of_a_batch_equal_those_alone_without_their_padding()
    {
        using var model = Model();
        var (pixels, pixelMask) = Images();
        var (ids, mask) = Captions();
        var image = model.EncodeImage(pixels, pixelMask);
        var text = model.EncodeText(ids, mask);
        var both = model.Forward(image, text.Projected, text.Masks);

        var alone = model.Forward(image.Select(1), text.Projected[1..2, ..5], TextMasks.From(mask[1..2, ..5], text.Masks.SelfAttention[1..2, ..5, ..5], text.Masks.PositionIds[1..2, ..5]));
        Close(both.Logits[.., 1..2, .., ..5], alone.Logits);
        Close(both.Boxes[.., 1..2], alone.Boxes);

        var first = model.Forward(model.EncodeImage(pixels[..1]), model.EncodeText(ids[..1]).Projected, TextMasks.FromIds(ids[..1]));
        Close(both.Logits[.., ..1], first.Logits);
        Assert.NotNull(image.Padding);
        Assert.Null(model.EncodeImage(pixels[..1], pixelMask[..1]).Padding);
    }

    [Fact]
    public void What_lies_outside_the_image_does_not_reach_its_queries()
    {
        using var model = Model();
        var (pixels, pixelMask) = Images();
        var text = model.EncodeText(Captions().Ids, Captions().Mask);
        var image = model.EncodeImage(pixels, pixelMask);
        var changed = image with { Features = image.Features + image.Padding!.unsqueeze(-1) * 9 };
        Close(model.Forward(image, text.Projected, text.Masks).Logits, model.Forward(changed, text.Projected, text.Masks).Logits);
    }

    [Fact]
    public void Chosen_proposals_are_rows_of_all_of_them_in_the_order_of_their_scores()
    {
        using var model = Model();
        var proposals = Detect(model, out _, details: true).Proposals!;
        var rows = proposals.Indices.unsqueeze(-1);
        Close(proposals.AllLogits!.gather(1, rows.expand(-1, -1, 7)), proposals.Logits);
        Close(proposals.AllBoxLogits!.gather(1, rows.expand(-1, -1, 4)).sigmoid(), proposals.Boxes);
        var scores = proposals.Logits.amax([-1]);
        Assert.True(scores.diff(dim: 1).le(1e-6).all().item<bool>());
        Assert.Equal(10, (int)proposals.Indices.shape.Aggregate((a, b) => a * b));
    }

    [Fact]
    public void Tokens_beyond_the_model_are_cut_off_in_captions_and_refused_in_features()
    {
        using var model = Model();
        var ids = cat([tensor(new long[] { 101 }), full(13, 5, ScalarType.Int64), tensor(new long[] { 1012, 102 })]).unsqueeze(0);
        var text = model.EncodeText(ids);
        Assert.Equal([1, 12, 32], text.Projected.shape);
        // The phrase keeps the mask and the positions that it has in the whole caption.
        Assert.True(text.Masks.SelfAttention[0, 1..12, 1..12].all().item<bool>());
        Assert.Equal(10, text.Masks.PositionIds[0, 11].item<long>());
        using var image = model.EncodeImage(Images().Pixels[..1]);
        Throws<ArgumentException>(() => model.Forward(image, zeros(1, 13, 32), TextMasks.OfPhrases([13])), "13 tokens", "12");
    }

    [Theory]
    [InlineData("plain", ScalarType.BFloat16)]
    [InlineData("plain", ScalarType.Float16)]
    [InlineData("mm", ScalarType.BFloat16)]
    [InlineData("mm shared", ScalarType.Float16)]
    [InlineData("one stage", ScalarType.BFloat16)]
    [InlineData("learned positions", ScalarType.Float16)]
    public void Half_precision_runs_and_gradients_reach_float32_features(string variant, ScalarType type)
    {
        using var model = Model(GroundingDinoTestModels.Variants[variant]);
        var expected = Detect(model, out _);
        model.To(CPU, type);
        var output = Detect(model, out var features);
        Assert.Equal((ScalarType.Float32, ScalarType.Float32), (output.Logits.dtype, output.Boxes.dtype));
        var gradient = autograd.grad([Scalar(output)], [features])[0];
        Assert.Equal(ScalarType.Float32, gradient.dtype);
        Assert.True(gradient.isfinite().all().item<bool>() && gradient.abs().sum().item<float>() > 0);
        Assert.True(output.Boxes.isfinite().all().item<bool>() && expected.Boxes.isfinite().all().item<bool>());
        // Where the encoder selects the queries it may take others.
        if (variant == "one stage") Assert.True(((output.Boxes - expected.Boxes).norm() / expected.Boxes.norm()).item<float>() < 0.05);
    }

    [Fact]
    public void Learned_positions_end_at_fifty()
    {
        using var model = Model(GroundingDinoTestModels.Variants["learned positions"]);
        Throws<ArgumentException>(() => model.EncodeImage(zeros(1, 3, 8, 408)), "1 x 51", "50 x 50");
    }

    [Fact]
    public void Wrong_input_is_refused_with_the_numbers()
    {
        using var model = Model();
        using var image = model.EncodeImage(Images().Pixels, Images().Mask);
        var masks = Masks();
        Throws<ArgumentException>(() => model.EncodeImage(zeros(1, 4, 8, 8)), "[1,4,8,8]", "[*,3,*,*]");
        Throws<ArgumentException>(() => model.EncodeImage(zeros(1, 3, 8, 8), ones(1, 8, 9)), "[1,8,9]", "[1,8,8]");
        Throws<ArgumentException>(() => model.EncodeText(zeros(7, ScalarType.Int64)), "[7]");
        Throws<ArgumentException>(() => model.EncodeText(Captions().Ids, ones(2, 6)), "[2,6]", "[2,7]");
        Throws<ArgumentException>(() => model.EncodeText(full(1, 3, 1100, ScalarType.Int64)), "1100");
        Throws<ArgumentException>(() => model.EncodeTextFromEmbeddings(zeros(2, 7, 9), masks), "[2,7,9]", "[*,*,8]");
        Throws<ArgumentException>(() => model.EncodeTextFromEmbeddings(zeros(2, 6, 8), masks), "[2,7]", "[2,6]");
        Throws<ArgumentException>(() => model.ProjectText(zeros(2, 6, 9)), "[2,6,9]");
        Throws<ArgumentException>(() => model.Forward(image, zeros(2, 7, 31), masks), "[2,7,31]", "[*,*,32]");
        Throws<ArgumentException>(() => model.Forward(image, zeros(1, 7, 32), masks.Crop(7) with { Tokens = masks.Tokens[..1] }), "self-attention", "[2,7,7]");
        Throws<ArgumentException>(() => model.Forward(image.Select(0), zeros(2, 7, 32), masks), "image features", "[1,", "[2,");
        Throws<ArgumentException>(() => model.Forward(image, zeros(2, 7, 32), masks with { Tokens = zeros(2, 7, ScalarType.Bool) }), "no token");
        Throws<ArgumentException>(() => model.Forward(image with { Levels = [new FeatureLevel(1, 1)] }, zeros(2, 7, 32), masks), "1 levels", "3");
        using var small = model.EncodeImage(zeros(2, 3, 8, 8));
        Throws<ArgumentException>(() => model.Forward(small, zeros(2, 7, 32), masks), "3 feature positions", "5 queries");
        Throws<ArgumentException>(() => GroundingDinoOutput.Pad(zeros(2, 13), 12), "13", "12");
    }

    static GroundingDinoOutput Detect(GroundingDinoModel model, out Tensor features, bool details = false)
    {
        var (pixels, pixelMask) = Images();
        var (ids, mask) = Captions();
        var text = model.EncodeText(ids, mask);
        features = text.Projected.detach().to(ScalarType.Float32).requires_grad_();
        return model.Forward(model.EncodeImage(pixels, pixelMask), features, text.Masks, details);
    }

    static Tensor Scalar(GroundingDinoOutput o)
    {
        var scalar = o.Logits.masked_fill(o.Logits.isinf(), 0).sin().sum() + o.Boxes.sin().sum();
        return o.Proposals is { } p ? scalar + p.Logits.masked_fill(p.Logits.isinf(), 0).sin().sum() + p.Boxes.sin().sum() : scalar;
    }
}
