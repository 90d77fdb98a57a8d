using System.Text.Json;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.Weights;
using Cones.Search.Optimizers;
using Cones.Tasks.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.StableDiffusion;

/// <summary>What the training cases share: UNet, noise schedule, inputs of every step, optimiser, loss.</summary>
sealed class TrainingCase : IDisposable
{
    readonly GoldenCase _golden;
    readonly UNet2DConditionModel _unet;
    readonly NoiseSchedule _schedule;
    readonly double _snrGamma;

    public TrainingCase(GoldenCase golden)
    {
        _golden = golden;
        _unet = UNet2DConditionModel.FromFolder(golden.PathOf("unet"), new LoadOptions { Type = Type });
        _schedule = NoiseSchedule.FromFolder(golden.PathOf("scheduler"));
        _snrGamma = golden.Params.TryGetProperty("snr_gamma", out var gamma) && gamma.ValueKind == JsonValueKind.Number ? gamma.GetDouble() : 0;
        Steps = golden.Params.GetProperty("steps").GetInt32();
    }

    /// <summary>
    /// The type that everything is computed in: the references are, too. Adam divides by the size of the gradients, which makes
    /// the rounding of float32 visible after a few steps, and differently on every processor; single steps are compared in
    /// float32 elsewhere.
    /// </summary>
    public const ScalarType Type = ScalarType.Float64;

    public int Steps { get; }

    public Optimizer CreateOptimizer(params KeyValuePair<string, Tensor>[] parameters)
    {
        var json = _golden.Params.GetProperty("optimizer");
        var betas = json.TryGetProperty("betas", out var b) ? b.EnumerateArray().Select(v => v.GetDouble()).ToArray() : [0.9, 0.999];
        var name = Enum.Parse<OptimizerKind>(json.GetProperty("name").GetString()!, ignoreCase: true);
        return Optimizer.Create(
            new OptimizerOptions
            {
                Name = name,
                LearningRate = Number(json, "lr", 1e-3),
                Beta1 = betas[0],
                Beta2 = betas[1],
                WeightDecay = Number(json, "weight_decay", name == OptimizerKind.AdamW ? 1e-2 : 0),
                Epsilon = Number(json, "eps", 1e-8),
                AmsGrad = json.TryGetProperty("amsgrad", out var ams) && ams.GetBoolean(),
                Momentum = Number(json, "momentum", 0),
                Dampening = Number(json, "dampening", 0),
                Nesterov = json.TryGetProperty("nesterov", out var nesterov) && nesterov.GetBoolean(),
            },
            parameters);
    }

    /// <summary>The loss of one step, and what was computed on the way.</summary>
    public (Tensor Loss, Tensor Noisy, Tensor Prediction, Tensor Target) Loss(int step, Tensor prompt, AddedConditions? added)
    {
        var clean = _golden.Tensors["in.latents"].to(Type);
        var noise = _golden.Tensors["in.noise"][step].to(Type);
        var timesteps = _golden.Tensors["in.timesteps"][step];
        var noisy = _schedule.AddNoise(clean, noise, timesteps);
        var target = _schedule.Target(clean, noise, timesteps);
        var prediction = _unet.Forward(noisy, timesteps, new CrossAttentionStates(prompt), added);
        return (DiffusionLoss.Compute(prediction, target, null, DiffusionLoss.MinSnrWeights(_schedule, timesteps, _snrGamma)), noisy, prediction, target);
    }

    public void Dispose()
    {
        _unet.Dispose();
        _schedule.Dispose();
    }

    static double Number(JsonElement json, string name, double fallback) => json.TryGetProperty(name, out var value) ? value.GetDouble() : fallback;
}
