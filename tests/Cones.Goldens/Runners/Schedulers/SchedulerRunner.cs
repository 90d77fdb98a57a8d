using System.Globalization;
using System.Text.Json;
using Cones.Models.StableDiffusion.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Schedulers;

/// <summary>Whole runs of a scheduler with given network outputs and given noise.</summary>
public sealed class SchedulerRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["scheduler"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var noGrad = no_grad();
        using var scheduler = Scheduler.FromFolder(golden.PathOf("scheduler"));
        result.Check("out.betas", tensor(scheduler.Schedule.Betas.ToArray()));
        result.Check("out.alphas_cumprod", tensor(scheduler.Schedule.AlphasCumprod.ToArray()));
        CheckTraining(golden, result);

        foreach (var steps in golden.Params.GetProperty("steps").EnumerateArray())
            foreach (var (suffix, eta) in Variants(golden.Params))
                RunOnce(golden, result, scheduler, steps.GetInt32(), $"out.n{steps.GetInt32()}{suffix}", eta);
        result.RequireAllOutputs();
    }

    static void RunOnce(GoldenCase golden, GoldenResult result, Scheduler scheduler, int steps, string name, double eta)
    {
        scheduler.SetTimesteps(steps);
        result.Check($"{name}.timesteps", tensor(scheduler.Timesteps.ToArray()));
        result.Check($"{name}.init_noise_sigma", tensor(new[] { scheduler.InitNoiseSigma }));
        if (golden.Tensors.ContainsKey($"{name}.sigmas")) result.Check($"{name}.sigmas", tensor(scheduler.Sigmas!.ToArray()));

        var outputs = golden.Tensors["in.model_outputs"];
        var noise = new GivenNoise(golden.Tensors["in.noise"]);
        var sample = golden.Tensors["in.sample"] * scheduler.InitNoiseSigma;
        List<Tensor> scaled = [], previous = [], original = [];
        for (var i = 0; i < scheduler.Timesteps.Count; i++)
        {
            var t = scheduler.Timesteps[i];
            scaled.Add(scheduler.ScaleModelInput(sample, t));
            var step = scheduler.Step(outputs[i], t, sample, noise, eta);
            previous.Add(sample = step.PrevSample);
            original.Add(step.PredOriginalSample);
        }

        result.Check($"{name}.prev_samples", stack(previous));
        CheckIfStored(golden, result, $"{name}.pred_original_samples", original);
        CheckIfStored(golden, result, $"{name}.scaled_model_inputs", scaled);
        result.Check($"{name}.noise_draws", tensor(new[] { (long)noise.Draws }));
    }

    static void CheckTraining(GoldenCase golden, GoldenResult result)
    {
        if (!golden.Tensors.TryGetValue("in.x0", out var x0)) return;
        using var schedule = NoiseSchedule.FromFolder(golden.PathOf("scheduler"));
        var (noise, timesteps) = (golden.Tensors["in.train_noise"], golden.Tensors["in.train_timesteps"]);
        if (golden.Tensors.ContainsKey("out.noisy")) result.Check("out.noisy", schedule.AddNoise(x0, noise, timesteps));
        if (golden.Tensors.ContainsKey("out.velocity")) result.Check("out.velocity", schedule.GetVelocity(x0, noise, timesteps));
    }

    static void CheckIfStored(GoldenCase golden, GoldenResult result, string name, List<Tensor> tensors)
    {
        if (golden.Tensors.ContainsKey(name)) result.Check(name, stack(tensors));
    }

    // A variant's arguments are in the outputs' names: {"eta": 0.5} is `.eta0.5`.
    static IEnumerable<(string Suffix, double Eta)> Variants(JsonElement parameters)
    {
        if (!parameters.TryGetProperty("variants", out var variants)) return [("", 0)];
        return variants.EnumerateArray().Select(variant =>
        {
            foreach (var argument in variant.EnumerateObject().Where(a => a.Name != "eta"))
                throw new NotSupportedException($"step argument '{argument.Name}'");
            if (!variant.TryGetProperty("eta", out var eta)) return ("", 0);
            return (string.Create(CultureInfo.InvariantCulture, $".eta{eta.GetDouble():R}"), eta.GetDouble());
        });
    }
}

/// <summary>Row k of a tensor for the k-th draw.</summary>
sealed class GivenNoise(Tensor rows) : INoiseSource
{
    public int Draws { get; private set; }

    public Tensor Next(ReadOnlySpan<long> shape, ScalarType type, Device device) => rows[Draws++].to(type, device);
}
