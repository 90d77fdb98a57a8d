using Cones.Models.Sam;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Sam;

/// <summary>
/// Kinds <c>sam-points</c>, <c>sam-boxes</c>, <c>sam-both</c> and <c>sam-mask</c>: prompts on images through the whole model, single and
/// several masks, and the gradients with respect to everything that goes in.
/// </summary>
sealed class SamPromptRunner : IGoldenRunner
{
    static readonly string[] s_inputs = ["pixel_values", "input_points", "input_boxes", "input_masks"];

    public IReadOnlyCollection<string> Kinds => ["sam-points", "sam-boxes", "sam-both", "sam-mask"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = SamModel.FromFolder(golden.PathOf(golden.Json.GetProperty("model").GetString()!));
        var inputs = s_inputs.Where(n => golden.Tensors.ContainsKey($"in.{n}")).ToDictionary(n => n, n => golden.Tensors[$"in.{n}"].clone().requires_grad_());
        var image = model.EncodeImage(inputs["pixel_values"]);
        var prompts = model.EncodePrompts(new SamPrompts
        {
            Points = inputs.GetValueOrDefault("input_points"),
            Labels = golden.Tensors.GetValueOrDefault("in.input_labels"),
            Boxes = inputs.GetValueOrDefault("input_boxes"),
            Masks = inputs.GetValueOrDefault("input_masks"),
        });
        result.Check("mid.image_embeddings", image);
        result.Check("mid.image_positional_embeddings", model.EncodePositions());
        if (prompts.Sparse is not null) result.Check("mid.sparse_prompt_embeddings", prompts.Sparse);
        var dense = prompts.Dense.expand(image.shape[0], -1, -1, -1);
        result.Check("mid.dense_prompt_embeddings", golden.Tensors["mid.dense_prompt_embeddings"].shape[3] == 1 ? dense[.., .., ..1, ..1] : dense);

        var total = zeros(1);
        foreach (var (name, multimask) in new[] { ("multi", true), ("single", false) })
        {
            var output = model.Decode(image, prompts, multimask);
            result.Check($"out.pred_masks_{name}", output.PredMasks);
            result.Check($"out.iou_scores_{name}", output.IouScores);
            total = total + ((output.PredMasks * golden.Tensors[$"in.cotangent_masks_{name}"]).sum() / 100)
                + (output.IouScores * golden.Tensors[$"in.cotangent_iou_{name}"]).sum();
        }

        result.Check("out.scalar", total);
        var sources = new Dictionary<string, Tensor?>(inputs.Select(i => KeyValuePair.Create<string, Tensor?>(i.Key, i.Value))) { ["sparse_prompt_embeddings"] = prompts.Sparse, ["image_embeddings"] = image }
            .Where(s => golden.Tensors.ContainsKey($"grad.{s.Key}")).ToArray();
        var gradients = autograd.grad([total], [.. sources.Select(s => s.Value!)]);
        for (var i = 0; i < sources.Length; i++) result.Check($"grad.{sources[i].Key}", gradients[i]);
        result.RequireAllOutputs();
    }
}
