using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Clip;
using Cones.Models.Layers;
using Cones.Models.Native;
using Cones.Models.StableDiffusion.UNet;

namespace Cones.Bench.Generation;

/// <summary>A search step at Stable Diffusion 1.5's real shape with random weights: concept against pseudo-word.</summary>
sealed class StepSD15Benchmark : IBenchmark
{
    public string Name => "generation-step-sd15";

    public string Description => "step of SD 1.5's shape at 512 px, batch 1: concept and pseudo-word (random weights) [latent side] [repetitions]";

    public JsonObject Run(string[] args)
    {
        var side = args.Length > 0 ? int.Parse(args[0]) : 64;
        var repetitions = args.Length > 1 ? int.Parse(args[1]) : 3;
        using var unet = new UNet2DConditionModel(StableDiffusionShapes.SD15);
        RandomWeights.Fill(unet, 1);
        unet.ToChannelsLast();
        NativeMemory.Release();
        return new StepComparison(unet, LoadText, side, batch: 1, tokens: 77).Run(repetitions);
    }

    static ClipTextModel LoadText()
    {
        var text = new ClipTextModel(StableDiffusionShapes.SD15Text);
        RandomWeights.Fill(text, 3);
        return text;
    }
}
