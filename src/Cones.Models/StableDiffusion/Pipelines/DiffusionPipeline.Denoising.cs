using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

public abstract partial class DiffusionPipeline
{
    ScalarType UNetType => UNet.NamedWeights().First().Value.Value.dtype;

    Device UNetDevice => UNet.NamedWeights().First().Value.Value.device;

    /// <summary>The images of a run: B of them, and the seed of each.</summary>
    sealed record Run(long Batch, int Height, int Width, IReadOnlyList<ulong> Seeds);

    /// <summary>What the denoiser is given at every step; with guidance the rows without the prompt come first.</summary>
    sealed record Inputs(CrossAttentionStates Prompt, AddedConditions? Added, bool Guided);

    Run Plan(TextConditioning conditioning, GenerationOptions options)
    {
        var batch = conditioning.Count * options.ImagesPerPrompt;
        var (height, width) = options.Image is { } image
            ? ((int)image.shape[2], (int)image.shape[3])
            : (options.Height ?? DefaultSize, options.Width ?? DefaultSize);
        IReadOnlyList<ulong> seeds = options.Seeds switch
        {
            null when options.Latents is not null => [],
            null => [.. Enumerable.Range(0, (int)batch).Select(_ => (ulong)Random.Shared.NextInt64())],
            { Count: 1 } one => [.. Enumerable.Range(0, (int)batch).Select(i => one[0] + (ulong)i)],
            var all => all,
        };
        return new(batch, height, width, seeds);
    }

    Inputs Conditions(TextConditioning conditioning, TextConditioning? negative, Run run, GenerationOptions options)
    {
        var prompt = conditioning.Repeat(options.ImagesPerPrompt, UNetType, UNetDevice); // [B, T, D]
        var added = Added(prompt.Pooled, options.Sizes, run.Height, run.Width);
        if (negative is null) return new(prompt.States(), added, Guided: false);

        var without = negative.Repeat(run.Batch / negative.Count, UNetType, UNetDevice);
        if (added is not null)
        {
            var addedWithout = Added(without.Pooled, options.NegativeSizes ?? options.Sizes, run.Height, run.Width)!;
            added = new(cat([addedWithout.TextEmbeds, added.TextEmbeds], 0), cat([addedWithout.TimeIds, added.TimeIds], 0));
        }

        return new(prompt.After(without).States(), added, Guided: true);
    }

    // The state that the run begins with, and the step it begins at.
    (Tensor Latents, int First) Begin(Run run, GenerationOptions options, Schedulers.Scheduler scheduler, SeededNoise? noise)
    {
        if (options.Image is { } image) return BeginWithImage(image, run, options, scheduler, noise!);
        using var scope = NewDisposeScope();
        long[] shape = [run.Batch, UNet.Config.InChannels, run.Height / Vae.Config.Reduction, run.Width / Vae.Config.Reduction];
        var start = options.Latents?.to(ScalarType.Float32, UNetDevice) ?? noise!.Next(shape, ScalarType.Float32, UNetDevice);
        if (!start.shape.AsSpan().SequenceEqual(shape))
            throw new ArgumentException($"latents are [{string.Join(",", start.shape)}], [{string.Join(",", shape)}] expected", nameof(options));
        scheduler.SetBeginIndex(0);
        return ((start * scheduler.InitNoiseSigma).MoveToOuterDisposeScope(), 0);
    }

    (Tensor Latents, int First) BeginWithImage(Tensor image, Run run, GenerationOptions options, Schedulers.Scheduler scheduler, SeededNoise noise)
    {
        using var scope = NewDisposeScope();
        var redone = Math.Min((int)(options.Steps * options.Strength), options.Steps);
        if (redone < 1) throw new ArgumentException($"strength {options.Strength} of {options.Steps} steps leaves no step to make", nameof(options));
        var first = options.Steps - redone;
        scheduler.SetBeginIndex(first);

        var (mean, deviation) = EncodeImage(image);
        long[] shape = [run.Batch, .. mean.shape[1..]];
        var clean = Vae.Scale(mean + (deviation * noise.Next(shape, ScalarType.Float32, mean.device))).to(UNetDevice); // [B, C, h, w]
        var drawn = noise.Next(shape, ScalarType.Float32, UNetDevice);
        return (scheduler.AddNoise(clean, drawn, scheduler.Timesteps[first]).MoveToOuterDisposeScope(), first);
    }

    Tensor Denoise(
        Tensor latents, int first, Run run, Inputs inputs, GenerationOptions options, Schedulers.Scheduler scheduler, SeededNoise? noise, CancellationToken cancellation)
    {
        var scale = options.GuidanceScale ?? DefaultGuidanceScale;
        var count = scheduler.Timesteps.Count - first;
        for (var i = 0; i < count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var timestep = scheduler.Timesteps[first + i];
            var scaled = scheduler.ScaleModelInput(latents, timestep);
            var input = inputs.Guided ? cat([scaled, scaled], 0) : scaled; // [B or 2B, C, h, w]
            using var time = tensor(new[] { (float)timestep }, device: UNetDevice);
            var prediction = UNet.Forward(input.to(UNetType), time, inputs.Prompt, inputs.Added).to(ScalarType.Float32);
            if (inputs.Guided) prediction = Guidance.Apply(prediction, scale, options.GuidanceRescale);
            var step = scheduler.Step(prediction, timestep, latents, noise, options.Eta);
            options.OnStep?.Invoke(new(i, count, timestep, step.PrevSample, step.PredOriginalSample));
            latents.Dispose();
            latents = step.PrevSample.MoveToOuterDisposeScope();
        }

        return latents;
    }
}
