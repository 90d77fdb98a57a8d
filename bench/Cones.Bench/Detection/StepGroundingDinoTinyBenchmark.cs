using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>A search step at Grounding DINO tiny's real shape with random weights: forward, mmdet's loss, gradient of the text features.</summary>
sealed class StepGroundingDinoTinyBenchmark : IBenchmark
{
    public string Name => "detection-step-grounding-dino-tiny";

    public string Description => "step of Grounding DINO tiny's shape at 800 px, 20 tokens, batch 1 (random weights), by method [side] [repetitions] [tokens] [parts|steps]";

    public JsonObject Run(string[] args)
    {
        var side = args.Length > 0 ? int.Parse(args[0]) : 800;
        var repetitions = args.Length > 1 ? int.Parse(args[1]) : 3;
        var tokens = args.Length > 2 ? int.Parse(args[2]) : 20;
        var (parts, steps) = (args.Length < 4 || args[3] == "parts", args.Length < 4 || args[3] == "steps");
        using var model = GroundingDinoShapes.RandomTiny(1);
        using var run = new GroundingDinoSteps(model, side, side, tokens);
        using var scope = NewDisposeScope();
        var image = run.Image;
        var result = new JsonObject { ["pixels"] = side, ["positions"] = image.Levels.Sum(l => l.Count), ["tokens"] = tokens };
        if (steps)
            foreach (var (name, value) in DetectionSteps.Measure(run, repetitions, padded: true, full: true)) result[name] = value?.DeepClone();
        var flops = run.Flops(tokens);
        result["attention_gflop"] = Math.Round(flops.Attention / 1e9, 1);
        result["sampling_gflop"] = Math.Round(flops.Sampling / 1e9, 1);
        if (parts) result["parts_ms"] = GroundingDinoBreakdown.Measure(model, image, run.Searched, run.Masks, repetitions);
        return result;
    }
}
