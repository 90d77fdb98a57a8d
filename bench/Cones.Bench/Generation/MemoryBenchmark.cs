using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Layers;
using Cones.Models.Native;
using Cones.Models.StableDiffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Generation;

/// <summary>Whether a search's memory stays flat: native tensors and resident memory over many steps at a real model's layout.</summary>
sealed class MemoryBenchmark : IBenchmark
{
    public string Name => "generation-memory";

    public string Description => "tensors and memory over 1,000 concept steps of SD 1.5's layout, by default at half its width (random weights) [steps] [latent side] [divisor of the width]";

    public JsonObject Run(string[] args)
    {
        var steps = args.Length > 0 ? int.Parse(args[0]) : 1000;
        var side = args.Length > 1 ? int.Parse(args[1]) : 8;
        var divisor = args.Length > 2 ? int.Parse(args[2]) : 2;
        var whole = StableDiffusionShapes.SD15;
        using var unet = new UNet2DConditionModel(whole with { BlockOutChannels = [.. whole.BlockOutChannels.Select(c => c / divisor)] });
        RandomWeights.Fill(unet, 1);
        unet.ToChannelsLast();
        NativeMemory.Release();
        using var comparison = new ConceptSteps(unet, side, batch: 1, tokens: 77);
        var rows = new JsonArray();
        var released = 0;
        for (var step = 1; step <= steps; step++)
        {
            if (comparison.Step()) released++;
            if (step != 1 && step != 10 && step % Math.Max(1, steps / 10) != 0) continue;
            var row = new JsonObject
            {
                ["step"] = step,
                ["tensors"] = Tensor.TotalCount,
                ["resident_mb"] = Math.Round(ResidentMemory.Bytes() / 1e6),
                ["peak_mb"] = Math.Round(PeakMemory.Megabytes()),
                ["released"] = released,
            };
            Console.Error.WriteLine(row.ToJsonString());
            rows.Add(row);
        }

        return new JsonObject { ["steps"] = steps, ["latent_side"] = side, ["parameters"] = unet.CountParameters(), ["rows"] = rows };
    }
}
