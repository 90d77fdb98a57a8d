using Cones.Goldens.Runners.Search;
using Cones.Models.Sam;
using Cones.Search.Optimizers;
using Cones.Tasks.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Sam;

/// <summary>Kind <c>sam-sparse-adamw</c>: some AdamW steps on the sparse prompt embeddings only.</summary>
sealed class SamSparseAdamWRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["sam-sparse-adamw"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = SamModel.FromFolder(golden.PathOf(golden.Json.GetProperty("model").GetString()!));
        foreach (var (name, options) in SamSparseLossRunner.Losses)
            if (golden.Tensors.ContainsKey($"out.losses_{name}"))
                RunLoss(golden, result, model, name, options);
        result.RequireAllOutputs();
    }

    static void RunLoss(GoldenCase golden, GoldenResult result, SamModel model, string name, SamLossOptions options)
    {
        var sparse = golden.Tensors["in.sparse_prompt_embeddings"].clone().requires_grad_();
        var adam = GoldenOptimizer.Read(golden.Json.GetProperty("optimizer"), "adamw");
        using var optimizer = Optimizer.Create(adam, [new("sparse", sparse)]);
        var losses = new List<Tensor>();
        var states = new List<Tensor>();
        var steps = golden.Tensors[$"out.embeddings_{name}"].shape[0];
        for (var step = 0; step <= steps; step++)
        {
            var output = model.Decode(golden.Tensors["in.image_embeddings"], multimaskOutput: false, extraSparse: sparse);
            var loss = SamLoss.Compute(output.PredMasks, output.IouScores, golden.Tensors["in.targets"], options);
            losses.Add(loss.detach());
            if (step == steps) break;
            var gradient = autograd.grad([loss], [sparse])[0];
            if (step == 0) CheckGradient(golden, result, $"grad.sparse_prompt_embeddings_{name}_step0", gradient);
            optimizer.Step(adam.LearningRate, [gradient]);
            states.Add(sparse.detach().clone());
        }

        result.Check($"out.losses_{name}", stack(losses));
        StepComparison.Check(result, $"out.embeddings_{name}", stack(states), golden.Tensors[$"out.embeddings_{name}"], adam.LearningRate, 1e-3, 1e-3);
    }

    static void CheckGradient(GoldenCase golden, GoldenResult result, string name, Tensor gradient) =>
        result.Check(name, gradient, golden.Tensors[name], 1e-3, 1e-3 * golden.Tensors[name].abs().max().item<float>());
}
