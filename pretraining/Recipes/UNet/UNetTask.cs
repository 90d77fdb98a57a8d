using System.Text.Json.Nodes;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Pretraining.Data;
using Cones.Pretraining.Recipes.Latents;
using Cones.Pretraining.Training;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.UNet;

/// <summary>Trains UNet and text encoder to predict the velocity.</summary>
sealed class UNetTask : ITrainingTask
{
    // The part of the captions that are left out, for guidance.
    const double Dropout = 0.1;
    const double TagProbability = 0.1;
    const int EvaluationSamples = 128;

    readonly TrainingPlan _plan;
    readonly PipelineParts _parts;
    readonly IconPack _pack;
    readonly LatentPack _latents;
    readonly NoiseSchedule _noise;
    readonly int[] _training;
    readonly FrozenBatch[] _evaluations;
    readonly string[] _shown;

    /// <summary>The task with a fresh UNet.</summary>
    public UNetTask(UNetRecipe recipe, TrainingPlan plan, PipelineParts parts, IconPack pack, LatentPack latents)
    {
        (_plan, _parts, _pack, _latents) = (plan, parts, pack, latents);
        // The first prediction is nothing, not noise.
        foreach (var (name, weight) in parts.UNet.NamedWeights())
            if (name == "conv_out.weight") Initialization.Scale(weight, 0.01);
        Parts = [new TrainedPart("unet", parts.UNet), new TrainedPart("text_encoder", parts.Text, recipe.TextRate)];
        _noise = new NoiseSchedule(SchedulerConfig.For("DDPMScheduler", new JsonObject
        {
            ["beta_start"] = 0.00085,
            ["beta_end"] = 0.012,
            ["beta_schedule"] = "scaled_linear",
            ["prediction_type"] = "v_prediction",
        }));
        int[] Entries(bool heldOut) => [.. Enumerable.Range(0, latents.Entries.Count).Where(e => recipe.Groups.Contains(ConceptOf(e).Group) && ConceptOf(e).HeldOut == heldOut)];
        _training = Entries(heldOut: false);
        _evaluations = [Frozen("seen", _training, 1), Frozen("heldout", Entries(heldOut: true), 2)];
        _shown = [.. ShownPrompts()];
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainedPart> Parts { get; }

    /// <inheritdoc/>
    public Tensor Loss(long step, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        var random = CounterRandom.At(_plan.Seed, "batch", step);
        var chosen = new long[_plan.Batch];
        var captions = new string[_plan.Batch];
        var timesteps = new long[_plan.Batch];
        for (var i = 0; i < chosen.Length; i++)
        {
            var entry = random.Pick(_training);
            chosen[i] = entry;
            captions[i] = random.Chance(Dropout) ? "" : Captions.Random(StyleOf(entry), ConceptOf(entry), _latents.Entries[entry].Background, TagProbability, ref random);
            // One timestep from each part of the range: the loss varies less from step to step.
            timesteps[i] = (long)((i + random.Next()) / chosen.Length * _noise.Count);
        }

        using var generator = new Generator(SeedSequence.Derive(_plan.Seed, "noise", step));
        return Mse(new FrozenBatch("", chosen, captions, timesteps), generator, 0, chosen.Length).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate() => _evaluations.ToDictionary(b => $"v_loss_{b.Name}", b =>
    {
        const int part = 32;
        var sum = 0.0;
        using var generator = new Generator(SeedSequence.Derive(0, $"evaluation.{b.Name}"));
        for (var first = 0; first < b.Entries.Length; first += part)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(part, b.Entries.Length - first);
            sum += Mse(b, generator, first, count).item<float>() * count;
        }

        return sum / b.Entries.Length;
    });

    /// <inheritdoc/>
    public void DrawSheet(string path)
    {
        RgbImage.Grid(_parts.Generate(_shown, new GenerationOptions { Steps = 16, GuidanceScale = 3, Seeds = [1] }), 8).Save(path);
        File.WriteAllLines(Path.ChangeExtension(path, ".txt"), _shown);
    }

    /// <inheritdoc/>
    public void Export(string folder) => _parts.Export(folder);

    /// <inheritdoc/>
    public void Dispose()
    {
        _noise.Dispose();
        _latents.Values.Dispose();
    }

    EmojiConcept ConceptOf(int entry) => _pack.Concepts[_pack.Icons[_latents.Entries[entry].Icon].Concept];

    string StyleOf(int entry) => _pack.Icons[_latents.Entries[entry].Icon].Style;

    // Evenly spaced pictures, captions and timesteps, always the same.
    FrozenBatch Frozen(string name, int[] entries, int offset)
    {
        var count = Math.Min(EvaluationSamples, entries.Length);
        long[] chosen = [.. Enumerable.Range(0, count).Select(i => (long)entries[(int)(((long)i * entries.Length / count) + offset) % entries.Length])];
        return new FrozenBatch(
            name,
            chosen,
            [.. chosen.Select(e => Captions.Full(StyleOf((int)e), ConceptOf((int)e).Name, _latents.Entries[(int)e].Background))],
            [.. Enumerable.Range(0, count).Select(i => (long)((i * 37 % count) + 0.5) * _noise.Count / count)]);
    }

    // Seen concepts in all styles, then held-out ones.
    IEnumerable<string> ShownPrompts()
    {
        string[] styles = [.. _latents.Entries.Select(e => _pack.Icons[e.Icon].Style).Distinct().Order(StringComparer.Ordinal)];
        foreach (var (evaluation, count) in _evaluations.Zip([24, 8]))
        {
            string[] names = [.. evaluation.Entries.Select(e => ConceptOf((int)e).Name).Distinct()];
            for (var i = 0; i < count; i++)
                yield return Captions.Full(styles[i % styles.Length], names[(int)((long)i * names.Length / count)], Colors.Named[i % Colors.Named.Count].Name);
        }
    }

    Tensor Mse(FrozenBatch batch, Generator generator, int first, int count)
    {
        var latents = _latents.Values.index_select(0, tensor(batch.Entries[first..(first + count)])).to(ScalarType.Float32);
        var timesteps = tensor(batch.Timesteps[first..(first + count)]);
        var noise = randn(latents.shape, generator: generator);
        var prompt = new CrossAttentionStates(_parts.Encode(batch.Captions[first..(first + count)]));
        var predicted = _parts.UNet.Forward(_noise.AddNoise(latents, noise, timesteps), timesteps, prompt);
        return nn.functional.mse_loss(predicted, _noise.Target(latents, noise, timesteps));
    }

    sealed record FrozenBatch(string Name, long[] Entries, string[] Captions, long[] Timesteps);
}
