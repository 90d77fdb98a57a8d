using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;

namespace Cones.Bench.Detection;

/// <summary>COCO's box evaluation at the size of its validation set: what pycocotools' evaluate and accumulate do.</summary>
sealed class CocoEvalBenchmark : IBenchmark
{
    public string Name => "coco-eval";

    public string Description => "COCO box evaluation, 5,000 images x 80 classes, 129,000 detections: seconds from objects in memory to the 12 numbers";

    public JsonObject Run(string[] args)
    {
        var repetitions = args.Length > 0 ? int.Parse(args[0]) : 5;
        var (dataset, results) = CocoScene.Create(images: 5000, classes: 80, seed: 1);
        var cold = Time(dataset, results, out _, out _);
        var times = new List<double>();
        long allocated = 0;
        var stats = default(CocoStats);
        for (var i = 0; i < repetitions; i++)
        {
            times.Add(Time(dataset, results, out stats, out allocated));
            Console.Error.WriteLine($"  {times[^1]:0.000} s");
        }

        times.Sort();
        return new JsonObject
        {
            ["seconds"] = Math.Round(times[times.Count / 2], 4),
            ["first_seconds"] = Math.Round(cold, 4),
            ["images"] = dataset.Images.Count,
            ["classes"] = dataset.Categories.Count,
            ["boxes"] = dataset.AnnotationCount,
            ["detections"] = results.Count,
            ["allocated_mb"] = Math.Round(allocated / 1e6, 1),
            ["ap"] = stats!.AP,
        };
    }

    static double Time(DetectionDataset dataset, IReadOnlyList<CocoResult> results, out CocoStats stats, out long allocated)
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var start = Stopwatch.GetTimestamp();
        stats = CocoEvaluator.Evaluate(dataset, results).Stats;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        return seconds;
    }
}
