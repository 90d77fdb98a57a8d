using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>A search step at GLIP-T's real shape with random weights: the gradient reaches the text's embedding only.</summary>
sealed class StepGlipTBenchmark : IBenchmark
{
    public string Name => "detection-step-glip-t";

    public string Description => "step of GLIP-T's shape at 800 px, 20 tokens, batch 1 (random weights), by method [height] [width] [tokens] [repetitions] [parts|steps]";

    public JsonObject Run(string[] args)
    {
        var height = args.Length > 0 ? int.Parse(args[0]) : 800;
        var width = args.Length > 1 ? int.Parse(args[1]) : 1066;
        var tokens = args.Length > 2 ? int.Parse(args[2]) : 20;
        var repetitions = args.Length > 3 ? int.Parse(args[3]) : 3;
        var (parts, steps) = (args.Length < 5 || args[4] == "parts", args.Length < 5 || args[4] == "steps");
        using var model = GlipShapes.Build(GlipShapes.Tiny, 1);
        using var run = new GlipSteps(model, height, width, tokens);
        var result = new JsonObject { ["height"] = height, ["width"] = width, ["tokens"] = tokens };
        if (steps)
            foreach (var (name, value) in DetectionSteps.Measure(run, repetitions, padded: true, full: true)) result[name] = value?.DeepClone();
        if (!parts) return result;
        using var mask = ones(1, tokens, ScalarType.Int64);
        var times = new JsonObject();
        foreach (var (name, seconds) in GlipBreakdown.Measure(model, run.Pixels, run.Levels, run.Searched, mask, repetitions)) times[name] = Math.Round(seconds, 3);
        result["parts_s"] = times;
        return result;
    }
}
