using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-atss-losses</c>: assignment, losses, and gradients with respect to the head's outputs.</summary>
sealed class AtssLossesRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-atss-losses"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var config = GlipCase.Config(golden);
        var outputs = GlipCase.Outputs(golden, gradient: true);
        var anchors = GlipAnchors.Create(config.Anchors, outputs.LevelSizes);
        var assigner = new AtssAssigner(config.Loss);
        var boxes = GlipCase.Boxes(golden);
        AtssAssignment[] assignments = [.. boxes.Select(b => assigner.Assign(anchors, b))];
        var positiveMap = golden.Tensors["in.positive_map"];
        var loss = new GlipLoss(config.Loss) { TeachesLastColumn = true };
        var targets = loss.TokenTargets(assignments, positiveMap);
        for (var i = 0; i < boxes.Length; i++)
        {
            var assignment = assignments[i];
            var labels = golden.Tensors[$"in.labels.{i}"].data<long>().ToArray();
            var assigned = new long[anchors.Count];
            var matched = new long[anchors.Count];
            for (var p = 0; p < assignment.Positives; p++)
                (assigned[assignment.Anchors[p]], matched[assignment.Anchors[p]]) = (labels[assignment.Boxes[p]], assignment.Boxes[p]);
            result.ExpectSequence(golden.Tensors[$"out.assigned_label.{i}"].data<long>().ToArray(), assigned, $"assigned_label.{i}");
            result.Check($"out.reg_target.{i}", GlipBoxCoder.Encode(boxes[i].index_select(0, tensor(matched)), anchors.ToTensor()));
            result.Check($"out.token_target.{i}", targets[i]);
            if (golden.Tensors.ContainsKey($"mid.pos_index.{i}"))
                result.ExpectSequence(golden.Tensors[$"mid.pos_index.{i}"].data<long>().ToArray(), assignment.Anchors.Select(a => (long)a), $"pos_index.{i}");
            if (golden.Tensors.ContainsKey($"mid.centerness_target.{i}"))
                result.Check($"mid.centerness_target.{i}", tensor(assignment.Centerness.ToArray()));
        }

        var losses = loss.Compute(outputs, assignments, positiveMap, golden.Tensors["in.masks"]);
        LossChecks.CheckLosses(result, losses);
        losses.Total.backward();
        for (var i = 0; i < GlipCase.LevelNames.Length; i++)
        {
            var level = GlipCase.LevelNames[i];
            result.Check($"grad.logits.{level}", outputs.Logits[i].grad!);
            result.Check($"grad.bbox.{level}", outputs.Boxes[i].grad!);
            result.Check($"grad.ctr.{level}", outputs.Centerness[i].grad!);
        }

        result.RequireAllOutputs();
    }
}

/// <summary>Compares the three losses.</summary>
static class LossChecks
{
    public static void CheckLosses(GoldenResult result, GlipLosses losses)
    {
        result.Check("out.loss_token", losses.Token.reshape(1));
        result.Check("out.loss_reg", losses.Box.reshape(1));
        result.Check("out.loss_centerness", losses.Centerness.reshape(1));
    }
}
