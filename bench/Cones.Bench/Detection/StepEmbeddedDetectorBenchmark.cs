using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Glip;

namespace Cones.Bench.Detection;

/// <summary>A search step of the embedded detector, or of a model of its shape where there is none.</summary>
sealed class StepEmbeddedDetectorBenchmark : IBenchmark
{
    const string Folder = "mini-glip";

    public string Name => "detection-step";

    public string Description => "step of the embedded detector, 20 tokens, batch 1, by method (random weights of its shape where it is missing) [repetitions]";

    public JsonObject Run(string[] args)
    {
        var repetitions = args.Length > 0 ? int.Parse(args[0]) : 20;
        var folder = Find();
        using var model = folder is null ? GlipShapes.Build(GlipShapes.Embedded, 1) : GlipModel.FromFolder(folder);
        var side = model.Config.Input.MinSize;
        using var run = new GlipSteps(model, side, side, Math.Min(20, model.Config.MaxTokens));
        var result = new JsonObject { ["weights"] = folder is null ? "random" : "models/" + Folder, ["pixels"] = side, ["tokens"] = Math.Min(20, model.Config.MaxTokens) };
        foreach (var (name, value) in DetectionSteps.Measure(run, repetitions, padded: true, full: true)) result[name] = value?.DeepClone();
        return result;
    }

    static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Path.Combine(folder.FullName, "models", Folder) is var path && Directory.Exists(path)) return path;
        return null;
    }
}
