using System.Globalization;
using System.Text.Json;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Coco;

/// <summary>COCO's evaluation: summary, numbers of each class, arrays, matches of each image and overlaps.</summary>
sealed class CocoEvalRunner : IGoldenRunner
{
    const double StatsTolerance = 1e-12;

    public IReadOnlyCollection<string> Kinds { get; } = ["coco-eval"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(golden.PathOf("eval.json")));
        var expected = document.RootElement;
        var reading = CocoReader.Read(golden.PathOf("gt.json"), new DataReadOptions { Checks = DataChecks.AsWritten });
        var detections = CocoResultReader.Read(golden.PathOf("dt.json"));
        var type = expected.GetProperty("iouType").GetString() == "segm" ? CocoIouType.Segm : CocoIouType.Bbox;
        var evaluator = new CocoEvaluator(reading.Dataset, detections, type, Options(expected.GetProperty("params")));
        var evaluation = evaluator.Evaluate();

        Compare(result, "stats", Numbers(expected.GetProperty("stats")), evaluation.Stats.Values);
        ComparePerClass(result, expected.GetProperty("per_class"), evaluation);
        CompareArrays(result, evaluation);
        CompareMatches(result, expected, evaluator, evaluation);
        CompareOverlaps(golden, result, evaluator);
        result.RequireAllOutputs();
    }

    static CocoEvalOptions Options(JsonElement json)
    {
        var labels = json.GetProperty("areaRngLbl").EnumerateArray().Select(l => l.GetString()!).ToArray();
        var ranges = json.GetProperty("areaRng").EnumerateArray().Select((r, i) => new CocoAreaRange(labels[i], r[0].GetDouble(), r[1].GetDouble()));
        return new CocoEvalOptions
        {
            ImageIds = [.. json.GetProperty("imgIds").EnumerateArray().Select(i => i.GetInt64())],
            CategoryIds = [.. json.GetProperty("catIds").EnumerateArray().Select(i => i.GetInt64())],
            UseCategories = Integers(new JsonElement[] { json.GetProperty("useCats") }).Single() != 0,
            MaxDetections = [.. json.GetProperty("maxDets").EnumerateArray().Select(i => i.GetInt32())],
            IouThresholds = Numbers(json.GetProperty("iouThrs")),
            RecallThresholds = Recalls(json.GetProperty("recThrs")),
            AreaRanges = [.. ranges],
        };
    }

    // A list, or start:step:stop as in "0:.01:1".
    static double[] Recalls(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Array) return Numbers(json);
        var parts = json.GetString()!.Split(':').Select(p => double.Parse(p, CultureInfo.InvariantCulture)).ToArray();
        return CocoEvalOptions.Linspace(parts[0], parts[2], (int)Math.Round((parts[2] - parts[0]) / parts[1]) + 1);
    }

    static void ComparePerClass(GoldenResult result, JsonElement expected, CocoEvaluation evaluation)
    {
        result.ExpectSequence(expected.EnumerateObject().Select(c => long.Parse(c.Name, CultureInfo.InvariantCulture)).Order(), evaluation.CategoryIds.Order(), "classes");
        foreach (var entry in expected.EnumerateObject())
        {
            var actual = evaluation.ClassStats(long.Parse(entry.Name, CultureInfo.InvariantCulture));
            foreach (var value in entry.Value.EnumerateObject())
            {
                var got = value.Name switch
                {
                    "AP" => actual.AP,
                    "AP50" => actual.AP50,
                    "AP75" => actual.AP75,
                    "AP_small" => actual.APSmall,
                    "AP_medium" => actual.APMedium,
                    "AP_large" => actual.APLarge,
                    "AR_first" => actual.ARFirst,
                    "AR_last" => actual.AR,
                    _ => double.NaN,
                };
                Compare(result, $"class {entry.Name} {value.Name}", [value.Value.GetDouble()], [got]);
            }
        }
    }

    static void CompareArrays(GoldenResult result, CocoEvaluation evaluation)
    {
        var (t, r, k) = (evaluation.Options.IouThresholds.Count, evaluation.Options.RecallThresholds.Count, evaluation.CategoryIds.Count);
        var (a, m) = (evaluation.Options.AreaRanges.Count, evaluation.MaxDetections.Count);
        result.Check("out.precision", tensor(evaluation.Precision.ToArray()).reshape(t, r, k, a, m));
        result.Check("out.recall", tensor(evaluation.Recall.ToArray()).reshape(t, k, a, m));
        result.Check("out.scores", tensor(evaluation.Scores.ToArray()).reshape(t, r, k, a, m));
    }

    static void CompareMatches(GoldenResult result, JsonElement expected, CocoEvaluator evaluator, CocoEvaluation evaluation)
    {
        var thresholds = expected.GetProperty("evalImgs_iouThr_indices").EnumerateArray().Select(i => i.GetInt32()).ToArray();
        var seen = new HashSet<(long, long, int)>();
        foreach (var entry in expected.GetProperty("evalImgs").EnumerateArray())
        {
            var (image, category, area) = (entry.GetProperty("image_id").GetInt64(), entry.GetProperty("category_id").GetInt64(), entry.GetProperty("area").GetInt32());
            seen.Add((image, category, area));
            var name = $"image {image} class {category} area {area}";
            if (evaluator.MatchesOf(image, category, area) is not { } actual)
            {
                result.Fail($"{name}: no matches");
                continue;
            }

            result.ExpectSequence(Integers(entry.GetProperty("dtIds")), actual.DetectionIds, $"{name} dtIds");
            result.ExpectSequence(Integers(entry.GetProperty("gtIds")), actual.TruthIds, $"{name} gtIds");
            result.ExpectSequence(Integers(entry.GetProperty("gtIgnore")), actual.TruthIgnored.Select(i => i ? 1L : 0), $"{name} gtIgnore");
            for (var i = 0; i < thresholds.Length; i++)
            {
                var t = thresholds[i];
                result.ExpectSequence(Integers(entry.GetProperty("dtMatches")[i]), actual.DetectionMatches[t], $"{name} dtMatches {t}");
                result.ExpectSequence(Integers(entry.GetProperty("gtMatches")[i]), actual.TruthMatches[t], $"{name} gtMatches {t}");
                result.ExpectSequence(Integers(entry.GetProperty("dtIgnore")[i]), actual.DetectionIgnored[t].Select(x => x ? 1L : 0), $"{name} dtIgnore {t}");
            }
        }

        // Pairs that the reference leaves out have neither truth nor detection.
        foreach (var area in seen.Select(s => s.Item3).Distinct().ToArray())
            foreach (var image in evaluation.Options.ImageIds!)
                foreach (var category in evaluation.CategoryIds)
                    if (!seen.Contains((image, category, area))) result.Expect(evaluator.MatchesOf(image, category, area) is null, $"image {image} class {category} should be absent");
    }

    static void CompareOverlaps(GoldenCase golden, GoldenResult result, CocoEvaluator evaluator)
    {
        foreach (var name in golden.Tensors.Keys.Where(k => k.StartsWith("mid.iou.", StringComparison.Ordinal)))
        {
            var parts = name.Split('.');
            var overlaps = evaluator.OverlapsOf(long.Parse(parts[2], CultureInfo.InvariantCulture), long.Parse(parts[3], CultureInfo.InvariantCulture));
            if (overlaps is null) result.Fail($"{name}: no overlaps");
            else result.Check(name, tensor(overlaps));
        }
    }

    static void Compare(GoldenResult result, string name, IReadOnlyList<double> expected, IReadOnlyList<double> actual)
    {
        result.ExpectEqual(expected.Count, actual.Count, $"{name} count");
        for (var i = 0; i < Math.Min(expected.Count, actual.Count); i++)
            result.Expect(Math.Abs(expected[i] - actual[i]) <= StatsTolerance, string.Create(CultureInfo.InvariantCulture, $"{name}[{i}]: expected {expected[i]:r}, got {actual[i]:r}"));
    }

    static double[] Numbers(JsonElement json) => [.. json.EnumerateArray().Select(n => n.GetDouble())];

    static IEnumerable<long> Integers(JsonElement json) => Integers(json.EnumerateArray());

    static IEnumerable<long> Integers(IEnumerable<JsonElement> json) => json.Select(n => n.ValueKind switch
    {
        JsonValueKind.True => 1L,
        JsonValueKind.False => 0L,
        _ => (long)n.GetDouble(),
    });
}
