using Cones.Models.Assignment;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Losses;

/// <summary>What it costs to give a query of an image to a box of its target; weighted, without gradient.</summary>
/// <param name="Class">[Q, G]: focal loss of the scores against the box's phrase, summed over the text's tokens.</param>
/// <param name="Box">[Q, G]: the distance of (cx, cy, w, h).</param>
/// <param name="Iou">[Q, G]: the negative generalized overlap, in pixels.</param>
sealed record MatchingCosts(Tensor Class, Tensor Box, Tensor Iou)
{
    // As mmdet, so that logarithms stay finite.
    const double LogEps = 1e-12;

    /// <summary>The costs of one image; in the dispose scope that is open.</summary>
    /// <param name="logits">[Q, T], of the text's T tokens without padding.</param>
    /// <param name="boxes">[Q, 4] (cx, cy, w, h).</param>
    /// <param name="targetMap">[G, T], 0 or 1.</param>
    /// <param name="targetBoxes">[G, 4] (cx, cy, w, h).</param>
    /// <param name="scale">[4]: the image's width, height, width, height.</param>
    /// <param name="options">The weights.</param>
    public static MatchingCosts Of(Tensor logits, Tensor boxes, Tensor targetMap, Tensor targetBoxes, Tensor scale, DetectionLossOptions options)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var p = logits.sigmoid();
        var positive = (p + LogEps).log() * (1 - p).pow(options.FocalGamma) * -options.FocalAlpha; // [Q, T]
        var negative = (1 - p + LogEps).log() * p.pow(options.FocalGamma) * (options.FocalAlpha - 1);
        var byClass = (positive.matmul(targetMap.t()) + negative.matmul((1 - targetMap).t())) * options.ClassCost; // [Q, G]
        var byBox = (boxes.unsqueeze(1) - targetBoxes.unsqueeze(0)).abs().sum(-1) * options.BoxCost;
        var corners = BoxGeometry.ToCorners(boxes) * scale;
        var targetCorners = BoxGeometry.ToCorners(targetBoxes) * scale;
        var byIou = BoxGeometry.GeneralizedIou(corners.unsqueeze(1), targetCorners.unsqueeze(0)) * -options.IouCost;
        return new MatchingCosts(byClass.MoveToOuterDisposeScope(), byBox.MoveToOuterDisposeScope(), byIou.MoveToOuterDisposeScope());
    }

    /// <summary>The pairs of least cost, in the order of the queries.</summary>
    /// <exception cref="ArgumentException">A cost is not finite: the model's outputs are not.</exception>
    public IReadOnlyList<Match> Assign()
    {
        using var scope = NewDisposeScope();
        var (queries, targets) = ((int)Class.shape[0], (int)Class.shape[1]);
        var sums = (Class + Box + Iou).to(ScalarType.Float64).cpu().data<double>().ToArray();
        var costs = new double[targets, queries];
        for (var q = 0; q < queries; q++)
            for (var g = 0; g < targets; g++) costs[g, q] = sums[(q * targets) + g];
        return [.. LinearAssignment.Solve(costs).Select((query, target) => new Match(query, target)).Where(m => m.Query >= 0).OrderBy(m => m.Query)];
    }
}
