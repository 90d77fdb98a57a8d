using Cones.Goldens.Runners.Search;
using Cones.Models.Sam3;
using Cones.Search.Optimizers;
using Cones.Tasks.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Sam3;

/// <summary>Kind <c>sam3-adamw</c>: some AdamW steps on the prompt embeddings only, with cached image features.</summary>
sealed class Sam3AdamWRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["sam3-adamw"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = Sam3Model.FromFolder(golden.PathOf(golden.Json.GetProperty("model").GetString()!));
        var features = model.EncodeImage(golden.Tensors["in.pixel_values"]);
        var text = golden.Tensors["in.text_embeds"].clone().requires_grad_();
        var target = golden.Tensors["in.target"];
        var adam = GoldenOptimizer.Read(golden.Json.GetProperty("optimizer"), "adamw");
        using var optimizer = Optimizer.Create(adam, [new("text", text)]);
        var losses = new List<Tensor>();
        var states = new List<Tensor>();
        var steps = golden.Tensors["out.text_embeds"].shape[0];
        for (var step = 0; step <= steps; step++)
        {
            var output = model.Forward(features, text);
            var loss = MaskLosses.CrossEntropy(output.SemanticSeg, target).mean() + MaskLosses.Dice(output.SemanticSeg, target).mean()
                + nn.functional.binary_cross_entropy_with_logits(output.PresenceLogits, ones_like(output.PresenceLogits));
            losses.Add(loss.detach());
            if (step == steps) break;
            var gradient = autograd.grad([loss], [text])[0];
            if (step == 0) Sam3Runner.CheckGradient(golden, result, "grad.text_embeds_step0", gradient);
            optimizer.Step(adam.LearningRate, [gradient]);
            states.Add(text.detach().clone());
        }

        result.Check("out.losses", stack(losses));
        StepComparison.Check(result, "out.text_embeds", stack(states), golden.Tensors["out.text_embeds"], adam.LearningRate, 1e-3, 1e-3);
        result.RequireAllOutputs();
    }
}
