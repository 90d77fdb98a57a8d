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
        using var concept = new ConceptSteps(unet, side, batch, tokens);

        MachineReport.Measure();
        NativeMemory.Release();
        PeakMemory.Reset();
        var conceptSeconds = StepTimer.Median(repetitions, () => concept.Step());
        var peak = PeakMemory.Megabytes();
        MachineReport.Measure();

        using var text = loadText();
        using var ids = (arange(tokens, dtype: ScalarType.Int64) * 631 % (text.Config.VocabSize - 2)).reshape(1, tokens);
        using var slots = tensor(new[] { 5L }).reshape(1, 1);
        using var start = randn([1, width], generator: new Generator(2));
        using var pseudoWord = new PseudoWordPrompt(text, ids, slots, start);
        var wordSeconds = StepTimer.Median(repetitions, () => concept.Step(pseudoWord));
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
}
