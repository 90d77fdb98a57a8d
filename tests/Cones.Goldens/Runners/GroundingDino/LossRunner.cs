using Cones.Models.GroundingDino.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>mmdet's loss of given outputs: costs, assignments, terms, gradients.</summary>
public sealed class LossRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["grounding-dino-loss-mmdet"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var targets = Targets.Of(golden);
        var inputs = ((string[])["dec_logits", "dec_boxes", "enc_logits", "enc_boxes"]).ToDictionary(n => n, n => golden.Tensors[$"in.{n}"].detach().requires_grad_());
        var tokens = golden.Tensors["in.text_token_mask"];
        var loss = new GroundingDinoLoss().Compute(inputs["dec_logits"], inputs["dec_boxes"], inputs["enc_logits"], inputs["enc_boxes"], tokens, targets);
        result.Check("out.loss", loss.Total.reshape(1));
        foreach (var (name, term) in loss.Terms) result.Check($"out.{name}", term.reshape(1));
        foreach (var (stage, images) in loss.Matches)
            for (var i = 0; i < images.Count; i++) result.Check($"out.assign.{stage}.{i}", Targets.ToTensor(images[i]));
        var gradients = autograd.grad([loss.Total], [.. inputs.Values]);
        foreach (var (name, gradient) in inputs.Keys.Zip(gradients)) result.Check($"grad.{name}", gradient);
        for (var i = 0; i < targets.Count; i++)
            if (golden.Tensors.ContainsKey($"mid.cost.class.{i}")) CheckCosts(golden, result, targets[i], i);
        result.RequireAllOutputs();
    }

    // Those of the last decoder layer.
    static void CheckCosts(GoldenCase golden, GoldenResult result, DetectionTarget target, int image)
    {
        var columns = golden.Tensors["in.text_token_mask"][image].nonzero().squeeze(-1);
        var size = target.ImageSize;
        var costs = MatchingCosts.Of(
            golden.Tensors["in.dec_logits"][-1][image].index_select(1, columns),
            golden.Tensors["in.dec_boxes"][-1][image],
            target.PositiveMap.to(ScalarType.Float32).index_select(1, columns),
            target.Boxes,
            tensor(new float[] { size.Width, size.Height, size.Width, size.Height }),
            new DetectionLossOptions());
        result.Check($"mid.cost.class.{image}", costs.Class);
        result.Check($"mid.cost.l1.{image}", costs.Box);
        result.Check($"mid.cost.giou.{image}", costs.Iou);
    }
}
