using Cones.Models.GroundingDino.Losses;
using Cones.Models.Imaging;
using TorchSharp;
using static Cones.Models.Tests.GroundingDino.GroundingDinoTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

public sealed class GroundingDinoLossTests : IDisposable
{
    static readonly ImageSize s_size = new(40, 60);

    readonly DisposeScope _scope = NewDisposeScope();
    readonly Tensor _logits = randn(2, 2, 4, 8);
    readonly Tensor _boxes = rand(2, 2, 4, 4) * 0.5 + 0.1;
    readonly Tensor _tokens = tensor(new long[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 }).view(2, 5);

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Images_without_boxes_have_a_class_loss_only()
    {
        var loss = Compute([Target(0), Target(0)]);
        Assert.True(loss.Terms["loss_cls"].item<float>() > 0);
        Assert.Equal(0, loss.Terms["loss_bbox"].item<float>() + loss.Terms["d0_loss_iou"].item<float>());
        var gradients = autograd.grad([loss.Total], [_logits, _boxes]);
        Assert.True(gradients[0].isfinite().all().item<bool>());
        Assert.Equal(0, gradients[1].abs().sum().item<float>());
    }

    [Fact]
    public void Padding_and_columns_beyond_the_text_have_no_part()
    {
        var changed = _logits.clone();
        changed[.., .., .., 5..] = double.NegativeInfinity;
        changed[.., 1, .., 4..] = double.NegativeInfinity;
        changed.requires_grad_();
        DetectionTarget[] targets = [Target(2), Target(3)];
        var expected = Compute(targets).Total;
        var loss = new GroundingDinoLoss().Compute(changed, _boxes, null, null, _tokens, targets);
        Close(expected, loss.Total);
        var gradient = autograd.grad([loss.Total], [changed])[0];
        Assert.True(gradient.isfinite().all().item<bool>());
        Assert.Equal(0, gradient[.., .., .., 5..].abs().sum().item<float>() + gradient[.., 1, .., 4..].abs().sum().item<float>());
    }

    [Fact]
    public void Perfect_boxes_cost_nothing_and_are_matched_to_their_queries()
    {
        var target = Target(3);
        var boxes = _boxes.clone();
        boxes[.., 0, ..3] = target.Boxes.flip(0);
        var loss = new GroundingDinoLoss(new DetectionLossOptions { ClassCost = 0 }).Compute(_logits, boxes, null, null, _tokens, [target, Target(0)]);
        Assert.Equal([new Match(0, 2), new Match(1, 1), new Match(2, 0)], loss.Matches["dec1"][0]);
        Assert.Empty(loss.Matches["dec1"][1]);
        Assert.Equal(0, loss.Terms["loss_bbox"].item<float>(), 1e-5f);
        Assert.Equal(0, loss.Terms["loss_iou"].item<float>(), 1e-5f);
    }

    [Fact]
    public void Boxes_beyond_the_number_of_queries_are_left_over()
    {
        var loss = Compute([Target(6), Target(1)]);
        Assert.Equal(4, loss.Matches["dec0"][0].Count);
        Assert.True(loss.Total.isfinite().item<bool>());
    }

    [Fact]
    public void Weights_scale_the_terms()
    {
        DetectionTarget[] targets = [Target(2), Target(1)];
        var plain = Compute(targets);
        var scaled = new GroundingDinoLoss(new DetectionLossOptions { ClassWeight = 2, BoxWeight = 15, IouWeight = 1 }).Compute(_logits, _boxes, null, null, _tokens, targets);
        Close(plain.Terms["loss_cls"] * 2, scaled.Terms["loss_cls"]);
        Close(plain.Terms["d0_loss_bbox"] * 3, scaled.Terms["d0_loss_bbox"]);
        Close(plain.Terms["loss_iou"] * 0.5, scaled.Terms["loss_iou"]);
        Assert.Equal(["d0_loss_bbox", "d0_loss_cls", "d0_loss_iou", "loss_bbox", "loss_cls", "loss_iou"], plain.Terms.Keys.Order());
    }

    [Fact]
    public void Wrong_input_is_refused_with_the_numbers()
    {
        DetectionTarget[] targets = [Target(1), Target(1)];
        Throws<ArgumentException>(() => Compute([Target(1)]), "1 targets", "2 images");
        Throws<ArgumentException>(() => Compute([Target(1), Target(1) with { Boxes = zeros(1, 5) }]), "[1,5]");
        Throws<ArgumentException>(() => Compute([Target(1), Target(1) with { PositiveMap = zeros(2, 5) }]), "[1,5]", "[2,5]");
        Throws<ArgumentException>(() => Compute([Target(1), Target(1) with { ImageSize = new ImageSize(0, 3) }]), "0 x 3");
        Throws<ArgumentException>(() => new GroundingDinoLoss().Compute(_logits, _boxes[.., .., ..3], null, null, _tokens, targets), "[2,2,3,4]");
        Throws<ArgumentException>(() => new GroundingDinoLoss().Compute(_logits, _boxes, _logits[0], null, _tokens, targets), "both");
        Throws<ArgumentException>(() => new GroundingDinoLoss().Compute(_logits, _boxes, null, null, ones(2, 9), targets), "9 tokens", "8 columns");
        Throws<ArgumentException>(() => new GroundingDinoLoss().Compute(_logits * double.NaN, _boxes, null, null, _tokens, targets), "NaN");
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        DetectionTarget[] targets = [Target(2), Target(0)];
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (var loss = new GroundingDinoLoss().Compute(_logits, _boxes, _logits[0], _boxes[0], _tokens, targets))
            Assert.Equal(before + 2 + 1 + loss.Terms.Count, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Equal(before + 2, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Overlap_of_boxes()
    {
        var one = tensor(new float[] { 0, 0, 2, 2 });
        var others = tensor(new float[] { 0, 0, 2, 2, 1, 0, 3, 2, 3, 3, 4, 4, 1, 1, 1, 1 }).view(4, 4);
        Close(tensor(new float[] { 1, 1f / 3, -11f / 16, 0 }), BoxGeometry.GeneralizedIou(one, others), 1e-5);
        Close(tensor(new float[] { 1, 0, 3, 2 }), BoxGeometry.ToCorners(tensor(new float[] { 2, 1, 2, 2 })));
    }

    DetectionLoss Compute(IReadOnlyList<DetectionTarget> targets) =>
        new GroundingDinoLoss().Compute(_logits.requires_grad_(), _boxes.requires_grad_(), null, null, _tokens, targets);

    static DetectionTarget Target(int boxes) => new(rand(boxes, 4) * 0.4 + 0.2, ones(boxes, 5), s_size);
}
