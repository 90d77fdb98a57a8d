using Cones.Models.Sam;
using Cones.Tasks.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Sam;

/// <summary>Kind <c>sam-sparse-loss</c>: mask losses of injected sparse prompt embeddings and their gradients.</summary>
sealed class SamSparseLossRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["sam-sparse-loss"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = SamModel.FromFolder(golden.PathOf(golden.Json.GetProperty("model").GetString()!));
        var sparse = golden.Tensors["in.sparse_prompt_embeddings"].clone().requires_grad_();
        var targets = golden.Tensors["in.targets"];
        var output = model.Decode(golden.Tensors["in.image_embeddings"], multimaskOutput: false, extraSparse: sparse);
        result.Check("out.pred_masks", output.PredMasks);
        result.Check("out.iou_scores", output.IouScores);
        var logits = output.PredMasks.squeeze(2); // [B, P, 1, H, W] -> [B, P, H, W]
        result.Check("mid.focal_per_mask", MaskLosses.Focal(logits, targets));
        result.Check("mid.dice_per_mask", MaskLosses.Dice(logits, targets));
        result.Check("mid.bce_per_mask", MaskLosses.CrossEntropy(logits, targets));

        foreach (var (name, options) in Losses)
        {
            var loss = SamLoss.Compute(output.PredMasks, output.IouScores, targets, options);
            result.Check($"out.loss_{name}", loss.reshape(1));
            var expected = golden.Tensors[$"grad.sparse_prompt_embeddings_{name}"];
            var gradient = autograd.grad([loss], [sparse], retain_graph: true)[0];
            result.Check($"grad.sparse_prompt_embeddings_{name}", gradient, expected, 1e-3, 1e-3 * expected.abs().max().item<float>());
        }

        result.RequireAllOutputs();
    }

    /// <summary>The losses by the names of the cases.</summary>
    internal static IReadOnlyDictionary<string, SamLossOptions> Losses { get; } = new Dictionary<string, SamLossOptions>
    {
        ["sam"] = new(),
        ["bce_dice"] = new() { Focal = 0, Dice = 1, CrossEntropy = 1 },
        ["focal"] = new() { Focal = 1, Dice = 0 },
        ["dice"] = new() { Focal = 0, Dice = 1 },
    };
}
