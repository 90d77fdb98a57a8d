using Cones.Tasks.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Segmentation;

public sealed class MaskLossesTests : IDisposable
{
    // Probabilities 0.75, 0.5, 0.25 and 0.5.
    static readonly float[] s_logits = [MathF.Log(3), 0, -MathF.Log(3), 0];

    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Values_are_those_of_the_formulas()
    {
        var logits = tensor(s_logits).view(1, 2, 2);
        var targets = tensor(new float[] { 1, 1, 0, 0 }).view(1, 2, 2);
        double[] missed = [0.25, 0.5, 0.25, 0.5];
        double[] alpha = [0.25, 0.25, 0.75, 0.75];
        var entropy = missed.Select(m => -Math.Log(1 - m)).ToArray();
        Assert.Equal(entropy.Average(), MaskLosses.CrossEntropy(logits, targets).item<float>(), 5);
        Assert.Equal(missed.Select((m, i) => alpha[i] * m * m * entropy[i]).Average(), MaskLosses.Focal(logits, targets).item<float>(), 5);
        Assert.Equal(missed.Select((m, i) => m * entropy[i]).Average(), MaskLosses.Focal(logits, targets, alpha: -1, gamma: 1).item<float>(), 5);
        // p t sums to 1.25, p to 2, t to 2.
        Assert.Equal(1 - (3.5 / 5), MaskLosses.Dice(logits, targets).item<float>(), 5);
        // Only the first pixel is above 0: 1 of 2 pixels of the target.
        Assert.Equal(0.5f, MaskLosses.IntersectionOverUnion(logits, targets).item<float>());
    }

    [Fact]
    public void Empty_masks_are_no_division_by_zero()
    {
        var nothing = zeros(1, 2, 2);
        Assert.Equal(0, MaskLosses.IntersectionOverUnion(nothing - 1, nothing).item<float>());
        Assert.True(MaskLosses.Dice(nothing - 100, nothing).item<float>() < 1e-6);
    }

    [Fact]
    public void Every_mask_has_a_loss_of_its_own_and_targets_may_be_bits()
    {
        random.manual_seed(1);
        var logits = randn(2, 3, 4, 5);
        var targets = rand(2, 3, 4, 5) > 0.5;
        Assert.Equal([2, 3], MaskLosses.Focal(logits, targets).shape);
        Assert.True(MaskLosses.Dice(logits, targets)[1, 2].allclose(MaskLosses.Dice(logits[1, 2], targets[1, 2])));
        Assert.Contains("[2,3,4,5]", Assert.Throws<ArgumentException>(() => MaskLosses.Focal(logits, zeros(2, 3, 5, 4))).Message);
    }

    [Fact]
    public void Sams_loss_takes_the_best_of_several_masks()
    {
        var target = tensor(new float[] { 1, 1, 0, 0 }).view(1, 1, 2, 2);
        var good = tensor(s_logits).view(1, 1, 1, 2, 2);
        var masks = cat([-good, good, zeros_like(good)], dim: 2).requires_grad_();
        var scores = tensor(new float[] { 0, 0.25f, 0 }).view(1, 1, 3).requires_grad_();
        var expected = (20 * MaskLosses.Focal(good[0, 0], target[0]).item<float>()) + MaskLosses.Dice(good[0, 0], target[0]).item<float>();
        Assert.Equal(expected, SamLoss.Compute(masks, scores, target).item<float>(), 5);

        var loss = SamLoss.Compute(masks, scores, target, new SamLossOptions { Iou = 1 });
        Assert.Equal(expected + 0.0625f, loss.item<float>(), 5); // (0.25 - 0.5)²
        var gradients = autograd.grad([loss], [masks, scores]);
        Assert.True(gradients[0][0, 0, 0].eq(0).all().item<bool>());
        Assert.Equal([0, -0.5f, 0], gradients[1].data<float>().ToArray());
        var entropy = SamLoss.Compute(masks, scores, target, new SamLossOptions { Focal = 0, Dice = 0, CrossEntropy = 2 });
        Assert.Equal(2 * MaskLosses.CrossEntropy(good[0, 0], target[0]).item<float>(), entropy.item<float>(), 5);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        var message = Assert.Throws<ArgumentException>(() => SamLoss.Compute(zeros([1, 2, 3, 4, 4]), zeros(1, 2, 3), zeros(1, 2, 5, 4))).Message;
        Assert.Contains("[1,2,3,4,4]", message);
        Assert.Contains("[1,2,5,4]", message);
        Assert.Contains("[1,2]", Assert.Throws<ArgumentException>(() => SamLoss.IouHead(zeros(1, 2, 4, 4), zeros(1, 3), zeros(1, 2, 4, 4))).Message);
    }
}
