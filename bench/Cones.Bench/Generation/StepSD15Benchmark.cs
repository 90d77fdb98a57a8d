using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Clip;
using Cones.Models.Layers;
using Cones.Models.Native;
using Cones.Models.StableDiffusion.UNet;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Generation;

/// <summary>A search step at Stable Diffusion 1.5's real shape with random weights: concept against pseudo-word.</summary>
sealed class StepSD15Benchmark : IBenchmark
{
    public string Name => "generation-step-sd15";

    public string Description => "step of SD 1.5's shape at 512 px, batch 1: concept and pseudo-word (random weights)";

    public JsonObject Run(string[] args)
    {
        var side = args.Length > 0 ? int.Parse(args[0]) : 64;
        var repetitions = args.Length > 1 ? int.Parse(args[1]) : 3;
        using var unet = new UNet2DConditionModel(StableDiffusionShapes.SD15);
        RandomWeights.Fill(unet, 1);
        unet.ToChannelsLast();
        NativeMemory.Release();
        var flops = new UNetFlops(unet.Config, side, side, 77);

        using var generator = new Generator(2);
        using var latent = randn([1, 4, side, side], generator: generator);
        using var noise = randn([1, 4, side, side], generator: generator);
        using var timestep = tensor(new[] { 500L });
        using var encoding = randn([1, 77, 768], generator: generator);
        using var slots = tensor(new[] { 5L }).reshape(1, 1);
        using var templates = new TemplateEncodings(["a photo of {}"], encoding.clone(), slots.clone(), null);
        using var concept = new ConceptPrompt(templates, templates.MeanSlotVectors(), null, new ConceptPromptOptions());

        MachineReport.Measure();
        PeakMemory.Reset();
        var conceptSeconds = StepTimer.Median(repetitions, () => Step(unet, concept, latent, noise, timestep));
        var peak = PeakMemory.Megabytes();
        MachineReport.Measure();

        using var text = new ClipTextModel(StableDiffusionShapes.SD15Text);
        RandomWeights.Fill(text, 3);
        using var ids = (arange(77, dtype: ScalarType.Int64) * 631 % 49000).reshape(1, 77);
        using var start = randn([1, 768], generator: generator);
        using var pseudoWord = new PseudoWordPrompt(text, ids, slots, start);
        var wordSeconds = StepTimer.Median(repetitions, () => Step(unet, pseudoWord, latent, noise, timestep));
        MachineReport.Measure();

        var floor = (flops.Convolution / MachineReport.Convolution / 1e9) + (flops.Gemm / MachineReport.Gemm / 1e9);
        return new JsonObject
        {
            ["pixels"] = side * 8,
            ["concept_s"] = Math.Round(conceptSeconds, 3),
            ["pseudo_word_s"] = Math.Round(wordSeconds, 3),
            ["ratio"] = Math.Round(wordSeconds / conceptSeconds, 3),
            ["utilisation"] = Math.Round(floor / conceptSeconds, 3),
            ["concept_peak_mb"] = Math.Round(peak),
            ["convolution_gflop"] = Math.Round(flops.Convolution / 1e9, 1),
            ["gemm_gflop"] = Math.Round(flops.Gemm / 1e9, 1),
            ["attention_gflop"] = Math.Round(flops.Attention / 1e9, 1),
            ["utilisation_with_attention"] = Math.Round((floor + (flops.Attention / MachineReport.Gemm / 1e9)) / conceptSeconds, 3),
        };
    }

    static void Step(UNet2DConditionModel unet, IPrompt prompt, Tensor latent, Tensor noise, Tensor timestep)
    {
        using var scope = NewDisposeScope();
        var states = new CrossAttentionStates(prompt.Build([0]).Embeddings);
        var loss = nn.functional.mse_loss(unet.Forward(latent, timestep, states), noise);
        OneTimeGraph.Backward(loss);
        using var noGrad = no_grad();
        foreach (var (_, parameter) in prompt.Parameters)
        {
            parameter.sub_(parameter.grad! * 1e-3);
            parameter.grad!.zero_();
        }
    }
}
