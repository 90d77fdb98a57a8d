using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Clip;
using Cones.Models.Layers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Generation;

/// <summary>One search step, concept against pseudo-word, on the same denoiser with the same batch.</summary>
/// <param name="unet">The denoiser, frozen.</param>
/// <param name="loadText">Loads the text encoder of the pseudo-word; called after the concept has been measured, which needs none.</param>
/// <param name="side">The side of the latents.</param>
/// <param name="batch">Pictures a step.</param>
/// <param name="tokens">The length of a prompt.</param>
sealed class StepComparison(UNet2DConditionModel unet, Func<ClipTextModel> loadText, int side, int batch, int tokens)
{
    /// <summary>Measures both, with the machine's rates before, between and after.</summary>
    public JsonObject Run(int repetitions)
    {
        var flops = new UNetFlops(unet.Config, side, side, tokens);
        var width = unet.Config.CrossAttentionDim;
        using var generator = new Generator(2);
        using var latent = randn([batch, unet.Config.InChannels, side, side], generator: generator);
        using var noise = randn([batch, unet.Config.OutChannels, side, side], generator: generator);
        using var timestep = tensor(new[] { 500L });
        using var encoding = randn([1, tokens, width], generator: generator);
        using var slots = tensor(new[] { 5L }).reshape(1, 1);
        using var templates = new TemplateEncodings(["a photo of {}"], encoding.clone(), slots.clone(), null);
        using var concept = new ConceptPrompt(templates, templates.MeanSlotVectors(), null, new ConceptPromptOptions());

        MachineReport.Measure();
        PeakMemory.Reset();
        var conceptSeconds = StepTimer.Median(repetitions, () => Step(concept, latent, noise, timestep));
        var peak = PeakMemory.Megabytes();
        MachineReport.Measure();

        using var text = loadText();
        using var ids = (arange(tokens, dtype: ScalarType.Int64) * 631 % (text.Config.VocabSize - 2)).reshape(1, tokens);
        using var start = randn([1, width], generator: generator);
        using var pseudoWord = new PseudoWordPrompt(text, ids, slots, start);
        var wordSeconds = StepTimer.Median(repetitions, () => Step(pseudoWord, latent, noise, timestep));
        MachineReport.Measure();

        var floor = batch * ((flops.Convolution / MachineReport.Convolution / 1e9) + (flops.Gemm / MachineReport.Gemm / 1e9));
        var attention = batch * flops.Attention / MachineReport.Gemm / 1e9;
        return new JsonObject
        {
            ["batch"] = batch,
            ["latent_side"] = side,
            ["concept_s"] = Math.Round(conceptSeconds, 4),
            ["pseudo_word_s"] = Math.Round(wordSeconds, 4),
            ["ratio"] = Math.Round(wordSeconds / conceptSeconds, 3),
            ["utilisation"] = Math.Round(floor / conceptSeconds, 3),
            ["concept_peak_mb"] = Math.Round(peak),
            ["convolution_gflop"] = Math.Round(batch * flops.Convolution / 1e9, 2),
            ["gemm_gflop"] = Math.Round(batch * flops.Gemm / 1e9, 2),
            ["attention_gflop"] = Math.Round(batch * flops.Attention / 1e9, 2),
            ["utilisation_with_attention"] = Math.Round((floor + attention) / conceptSeconds, 3),
        };
    }

    void Step(IPrompt prompt, Tensor latent, Tensor noise, Tensor timestep)
    {
        using var scope = NewDisposeScope();
        var states = new CrossAttentionStates(prompt.Build(new int[batch]).Embeddings);
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
