using System.Text.Json;
using System.Text.Json.Nodes;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Pipelines;

/// <summary>Whole pipelines, from embeddings with several schedulers and from prompts.</summary>
public sealed class PipelineRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["pipeline-sd", "pipeline-sdxl"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var noGrad = no_grad();
        using var pipeline = DiffusionPipeline.FromFolder(golden.PathOf("pipeline"));
        var options = Options(golden);
        var conditioning = Given(golden, "prompt_embeds", "pooled_prompt_embeds");
        var negative = Given(golden, "negative_prompt_embeds", "negative_pooled_prompt_embeds");
        if (conditioning is not null && golden.Params.TryGetProperty("schedulers", out var schedulers))
        {
            foreach (var scheduler in schedulers.EnumerateObject())
            {
                var config = scheduler.Value.ValueKind == JsonValueKind.Null ? pipeline.Scheduler : pipeline.Scheduler.With(JsonObject.Create(scheduler.Value)!);
                Generate(result, pipeline, $"out.embeds.{scheduler.Name}", conditioning, negative, options with { Scheduler = config });
            }
        }

        RunPrompts(golden, result, pipeline, options);
        result.RequireAllOutputs();
    }

    static void RunPrompts(GoldenCase golden, GoldenResult result, DiffusionPipeline pipeline, GenerationOptions options)
    {
        if (Texts(golden, "prompts") is not { } prompts) return;
        foreach (var suffix in (string[])["", "_2"])
            if (golden.Tensors.ContainsKey($"mid.prompt.tokenizer{suffix}_ids"))
                result.Check($"mid.prompt.tokenizer{suffix}_ids", ClipTokenizer.FromFolder(golden.PathOf($"pipeline/tokenizer{suffix}")).TokenizeBatch(prompts).Ids());

        var prompt = pipeline.EncodePrompt(prompts, options.ClipSkip).Conditioning;
        var negative = pipeline.EncodeNegativePrompt(Texts(golden, "negative_prompts"), prompt).Conditioning;
        CheckIfStored(golden, result, "mid.prompt.prompt_embeds", prompt.Embeds);
        CheckIfStored(golden, result, "mid.prompt.pooled_prompt_embeds", prompt.Pooled);
        CheckIfStored(golden, result, "mid.prompt.negative_prompt_embeds", negative.Embeds);
        CheckIfStored(golden, result, "mid.prompt.negative_pooled_prompt_embeds", negative.Pooled);
        var latents = options.Latents![..(int)(prompts.Length * options.ImagesPerPrompt)];
        Generate(result, pipeline, "out.prompt", prompt, negative, options with { Latents = latents });
    }

    static void Generate(
        GoldenResult result, DiffusionPipeline pipeline, string name, TextConditioning conditioning, TextConditioning? negative, GenerationOptions options)
    {
        List<Tensor> latents = [];
        List<double> timesteps = [];
        using var generated = pipeline.Generate(conditioning, negative, options with
        {
            OnStep = step =>
            {
                latents.Add(step.Latents.clone().MoveToOuterDisposeScope().MoveToOuterDisposeScope());
                timesteps.Add(step.Timestep);
            },
        });
        result.Check($"{name}.timesteps", tensor(timesteps.ToArray()));
        result.Check($"{name}.latents", stack(latents));
        var decoded = pipeline.DecodePixels(generated.Latents);
        result.Check($"{name}.decoded", decoded);
        result.Check($"{name}.image", ((decoded / 2) + 0.5).clamp(0, 1));
        result.Check($"{name}.image_uint8", generated.Images);
    }

    static GenerationOptions Options(GoldenCase golden) => new()
    {
        Height = (int?)Number(golden, "height"),
        Width = (int?)Number(golden, "width"),
        Steps = (int?)Number(golden, "steps") ?? 50,
        GuidanceScale = Number(golden, "guidance_scale"),
        GuidanceRescale = Number(golden, "guidance_rescale") ?? 0,
        Eta = Number(golden, "eta") ?? 0,
        ClipSkip = (int?)Number(golden, "clip_skip"),
        ImagesPerPrompt = (int?)Number(golden, "num_images_per_prompt") ?? 1,
        Latents = golden.Tensors["in.latents"],
        Sizes = Sizes(golden, "") ?? new(),
        NegativeSizes = Sizes(golden, "negative_"),
    };

    static ImageSizes? Sizes(GoldenCase golden, string prefix)
    {
        var (original, crop, target) = (Pair(golden, prefix + "original_size"), Pair(golden, prefix + "crops_coords_top_left"), Pair(golden, prefix + "target_size"));
        return original is null && crop is null && target is null ? null : new ImageSizes { Original = original, CropTopLeft = crop ?? (0, 0), Target = target };
    }

    static (int, int)? Pair(GoldenCase golden, string name) =>
        golden.Params.TryGetProperty(name, out var pair) && pair.ValueKind == JsonValueKind.Array ? (pair[0].GetInt32(), pair[1].GetInt32()) : null;

    static double? Number(GoldenCase golden, string name) =>
        golden.Params.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    static string[]? Texts(GoldenCase golden, string name) =>
        golden.Params.TryGetProperty(name, out var texts) && texts.ValueKind == JsonValueKind.Array ? [.. texts.EnumerateArray().Select(t => t.GetString()!)] : null;

    static TextConditioning? Given(GoldenCase golden, string embeds, string pooled) =>
        golden.Tensors.TryGetValue($"in.{embeds}", out var e) ? new TextConditioning(e, golden.Tensors.GetValueOrDefault($"in.{pooled}")) : null;

    static void CheckIfStored(GoldenCase golden, GoldenResult result, string name, Tensor? actual)
    {
        if (!golden.Tensors.ContainsKey(name)) return;
        if (actual is null) result.Fail($"{name}: not computed");
        else result.Check(name, actual);
    }
}
