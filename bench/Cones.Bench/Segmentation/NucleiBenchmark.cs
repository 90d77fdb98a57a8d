using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using Cones.Evaluation.Instances;
using Cones.Prompts.Detection;
using Cones.Search;
using Cones.Tasks.Segmentation;
using TorchSharp;

namespace Cones.Bench.Segmentation;

/// <summary>Nuclei from few images: masks by boxes alone, by boxes and a concept, and by a tuned decoder; scores on the test images.</summary>
sealed class NucleiBenchmark : IBenchmark
{
    static readonly int[] s_shots = [1, 3, 5, 10];
    static readonly int[] s_seeds = [3, 30, 300];

    public string Name => "segmentation-nuclei";

    public string Description => "mask AP of boxes, concept and tuned decoder on nuclei, 1/3/5/10 images and all, three seeds, boxes of the annotations [data] [model] [steps] [shots] [seeds]";

    /// <param name="args">The folder of the nuclei ($CONES_DATA/nuclei), the model (the embedded one), most steps (100), shots and seeds separated by commas.</param>
    public JsonObject Run(string[] args)
    {
        var data = args.Length > 0 ? args[0] : Path.Combine(Environment.GetEnvironmentVariable("CONES_DATA") ?? "../shared/data", "nuclei");
        var model = args.Length > 1 ? args[1] : EmbeddedModels.Find(EmbeddedModels.Sam);
        var steps = args.Length > 2 ? int.Parse(args[2]) : 100;
        var shots = args.Length > 3 ? Numbers(args[3]) : [.. s_shots, 0];
        var seeds = args.Length > 4 ? Numbers(args[4]) : s_seeds;
        using var cacheFolder = new TemporaryCache();
        var (test, val) = (Read(data, "test"), Read(data, "val"));
        var rows = new JsonArray { Row("text", 0, 0, Judge(model, test, cacheFolder.Options, null, null)) };
        foreach (var count in shots)
        {
            foreach (var seed in count == 0 ? seeds[..1] : seeds)
            {
                var train = Read(data, count == 0 ? "train" : $"train_{count}shot_seed{seed}");
                foreach (var method in (SegmentationMethod[])[SegmentationMethod.Concept, SegmentationMethod.Full])
                {
                    var defaults = SegmentationSearchOptions.DefaultSearch(method);
                    var options = new SegmentationSearchOptions
                    {
                        Model = model,
                        Train = train,
                        Validation = val,
                        Method = method,
                        MaskLoss = MaskLossKind.CrossEntropy,
                        Flip = true,
                        Cache = cacheFolder.Options,
                        Search = defaults with { Steps = steps, Seed = seed },
                    };
                    var row = Row(method.ToString().ToLowerInvariant(), count, seed, Judge(model, test, cacheFolder.Options, options, Console.Error));
                    rows.Add(row);
                    Console.Error.WriteLine(row.ToJsonString());
                }
            }
        }

        return new JsonObject { ["model"] = Path.GetFileName(model), ["boxes"] = "annotations", ["steps"] = steps, ["test_images"] = test.Images.Count, ["table"] = Table(rows), ["rows"] = rows };
    }

    static JsonObject Judge(string model, DetectionDataset test, CacheOptions cacheOptions, SegmentationSearchOptions? options, TextWriter? log)
    {
        using var scope = torch.NewDisposeScope();
        using var segmenter = Segmenters.Load(model);
        PeakMemory.Reset();
        var clock = Stopwatch.StartNew();
        using var result = options is null ? null : SegmentationSearch.Run(segmenter, options);
        var seconds = clock.Elapsed.TotalSeconds;
        if (result is not null) log?.WriteLine($"  loss {result.StartLoss:0.0000} -> {result.BestLoss:0.0000} at step {result.Search?.BestStep} of {result.Search?.Step}");
        var peak = PeakMemory.Megabytes();
        using var cache = new ImageEmbeddingCache(cacheOptions, segmenter.Device);
        var names = test.CategoryNames.Select(n => new ClassPrompt(n, n)).ToArray();
        string? path = null;
        try
        {
            if (result?.Concept is { } concept) concept.Save(path = Path.Combine(cacheOptions.Folder!, "found.concept.safetensors"));
            using var finder = path is null ? MaskFinder.OfNames(segmenter, names) : MaskFinder.OfConcepts(segmenter, [path], model);
            CocoResult[] found = [.. DatasetMasks.Find(finder, new ImageFeatures(segmenter, cache), test, i => DatasetMasks.TrueBoxes(test, i))];
            // Without detector there are more than 100 objects on some images.
            var forMany = new CocoEvalOptions { MaxDetections = [1, 100, 500] };
            var evaluation = CocoEvaluator.Evaluate(test, found, CocoIouType.Segm, forMany);
            var instances = InstanceEvaluation.Of(test, found, threshold: 0).All;
            return new JsonObject
            {
                ["ap"] = Math.Round(evaluation.AveragePrecision(null, "all", 500), 4),
                ["ap50"] = Math.Round(evaluation.AveragePrecision(0.5, "all", 500), 4),
                ["dsb"] = Math.Round(instances.Precision, 4),
                ["dice"] = Math.Round(instances.Dice, 4),
                ["seconds"] = Math.Round(seconds, 1),
                ["peak_mb"] = Math.Round(peak),
            };
        }
        finally
        {
            if (path is not null) File.Delete(path);
        }
    }

    static JsonObject Row(string method, int shots, int seed, JsonObject scores)
    {
        var row = new JsonObject { ["method"] = method, ["shots"] = shots == 0 && method != "text" ? "all" : shots, ["seed"] = seed };
        foreach (var (key, value) in scores) row[key] = value!.DeepClone();
        return row;
    }

    // Means over seeds.
    static JsonArray Table(JsonArray rows) =>
    [
        .. rows.GroupBy(r => (Method: (string)r!["method"]!, Shots: r["shots"]!.ToString())).Select(g =>
        {
            double[] ap = [.. g.Select(r => (double)r!["ap"]!)];
            return (JsonNode)new JsonObject
            {
                ["method"] = g.Key.Method,
                ["shots"] = g.Key.Shots,
                ["seeds"] = ap.Length,
                ["ap"] = Math.Round(ap.Average(), 4),
                ["ap_sd"] = Math.Round(Math.Sqrt(ap.Sum(a => (a - ap.Average()) * (a - ap.Average())) / Math.Max(1, ap.Length - 1)), 4),
                ["dsb"] = Math.Round(g.Average(r => (double)r!["dsb"]!), 4),
                ["dice"] = Math.Round(g.Average(r => (double)r!["dice"]!), 4),
                ["seconds"] = Math.Round(g.Average(r => (double)r!["seconds"]!), 1),
            };
        }),
    ];

    static DetectionDataset Read(string data, string name) =>
        CocoReader.Read(Path.Combine(data, "annotations", name + ".json"), new DataReadOptions { ImageFolder = Path.Combine(data, "images") }).Dataset;

    static int[] Numbers(string text) => [.. text.Split(',').Select(int.Parse)];

    sealed class TemporaryCache : IDisposable
    {
        readonly string _folder = Directory.CreateTempSubdirectory("cones-nuclei-").FullName;

        public CacheOptions Options => new() { Folder = _folder };

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
