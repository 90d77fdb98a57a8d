using Cones.Models.StableDiffusion.UNet;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.StableDiffusion;

/// <summary>
/// Kind <c>cones-train</c>: some steps of concept embedding search, for each slot rule that the case names, with the pooled
/// embedding where <c>train_pooled</c> says so.
/// </summary>
sealed class ConesTrainRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["cones-train"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var training = new TrainingCase(golden);
        foreach (var variant in golden.Params.GetProperty("variants").EnumerateArray())
            RunVariant(golden, result, training, variant.GetString()!);
        result.RequireAllOutputs();
    }

    static void RunVariant(GoldenCase golden, GoldenResult result, TrainingCase training, string name)
    {
        var rule = SlotRules.Find(name) ?? throw new NotSupportedException($"slot rule '{name}'");
        var cached = golden.Tensors["in.cached"].to(TrainingCase.Type);
        var slots = golden.Tensors.GetValueOrDefault("in.slots");
        var vectors = golden.Tensors[$"in.init.{name}"].to(TrainingCase.Type).clone().requires_grad_();
        var pooled = golden.Tensors.GetValueOrDefault("in.pooled")?.to(TrainingCase.Type).clone();
        var trainsPooled = pooled is not null && golden.Params.TryGetProperty("train_pooled", out var train) && train.GetBoolean();
        if (trainsPooled) pooled!.requires_grad_();
        KeyValuePair<string, Tensor>[] parameters = trainsPooled ? [new("concept", vectors), new("pooled", pooled!)] : [new("concept", vectors)];
        using var optimizer = training.CreateOptimizer(parameters);

        List<Tensor> losses = [], values = [], gradients = [], pooledValues = [], pooledGradients = [];
        for (var step = 0; step < training.Steps; step++)
        {
            var prompt = SlotAssembly.Apply(rule, cached, slots, vectors);
            var added = pooled is null ? null : new AddedConditions(pooled.dim() == 1 ? pooled.expand(cached.shape[0], -1) : pooled, golden.Tensors["in.time_ids"].to(TrainingCase.Type));
            var (loss, noisy, prediction, target) = training.Loss(step, prompt, added);
            var found = autograd.grad([loss], [.. parameters.Select(p => p.Value)]);
            if (step == 0)
            {
                CheckIfStored(golden, result, $"mid.{name}.encoder_hidden_states_step1", prompt);
                CheckIfStored(golden, result, $"mid.{name}.noisy_step1", noisy);
                CheckIfStored(golden, result, $"mid.{name}.pred_step1", prediction);
                CheckIfStored(golden, result, "mid.target_step1", target);
            }

            losses.Add(loss.detach());
            gradients.Add(found[0]);
            if (trainsPooled) pooledGradients.Add(found[1]);
            optimizer.Step(optimizer.Options.LearningRate, [.. found]);
            values.Add(vectors.detach().clone());
            if (trainsPooled) pooledValues.Add(pooled!.detach().clone());
        }

        var state = optimizer.State.ToDictionary(s => s.Key, s => s.Value);
        result.Check($"out.{name}.losses", stack(losses));
        result.Check($"out.{name}.params", stack(values));
        result.Check($"grad.{name}.params", stack(gradients));
        CheckIfStored(golden, result, $"out.{name}.exp_avg", state.GetValueOrDefault("exp_avg.concept"));
        CheckIfStored(golden, result, $"out.{name}.exp_avg_sq", state.GetValueOrDefault("exp_avg_sq.concept")?.mul(1e6));
        if (!trainsPooled) return;
        result.Check($"out.{name}.pooled", stack(pooledValues));
        CheckIfStored(golden, result, $"grad.{name}.pooled", stack(pooledGradients));
    }

    internal static void CheckIfStored(GoldenCase golden, GoldenResult result, string name, Tensor? actual)
    {
        if (actual is not null && golden.Tensors.ContainsKey(name)) result.Check(name, actual);
    }
}
