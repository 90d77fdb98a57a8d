using System.Globalization;
using System.Text.RegularExpressions;
using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Head;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>What the GLIP cases share: models, levels, cotangents, and numbers that only the prose of a case tells.</summary>
static class GlipCase
{
    public static readonly string[] LevelNames = ["p3", "p4", "p5", "p6", "p7"];

    public static string ModelFolder(GoldenCase golden) => golden.PathOf(golden.Json.GetProperty("model").GetString()!);

    public static GlipModel Model(GoldenCase golden) => GlipModel.FromFolder(ModelFolder(golden));

    public static GlipConfig Config(GoldenCase golden) => GlipConfig.FromFile(Path.Combine(ModelFolder(golden), "glip_config.json"));

    /// <summary>The model with another configuration.</summary>
    public static GlipModel Model(GoldenCase golden, Func<GlipConfig, GlipConfig> change) =>
        GlipModel.FromFile(Path.Combine(ModelFolder(golden), "model.safetensors"), change(Config(golden)));

    /// <summary>The tensors of one kind for all levels, e.g. <c>in.visual.p3</c> and so on.</summary>
    public static Tensor[] Levels(GoldenCase golden, string prefix, bool gradient = false) =>
        [.. LevelNames.Select(l => golden.Tensors[$"{prefix}.{l}"].clone().requires_grad_(gradient))];

    /// <summary>Compares the tensors of all levels.</summary>
    public static void CheckLevels(GoldenCase golden, GoldenResult result, string prefix, IReadOnlyList<Tensor> actual)
    {
        for (var i = 0; i < LevelNames.Length; i++)
            if (golden.Tensors.ContainsKey($"{prefix}.{LevelNames[i]}") || !prefix.StartsWith("mid.", StringComparison.Ordinal))
                result.Check($"{prefix}.{LevelNames[i]}", actual[i]);
    }

    /// <summary>The sum of outputs times their cotangents <c>in.cot.*</c>.</summary>
    public static Tensor Cotangent(GoldenCase golden, IEnumerable<(string Name, Tensor Value)> outputs) =>
        outputs.Where(o => golden.Tensors.ContainsKey($"in.cot.{o.Name}"))
            .Select(o => (o.Value * golden.Tensors[$"in.cot.{o.Name}"]).sum()).Aggregate((a, b) => a + b);

    /// <summary>Names the tensors of all levels: <c>prefix.p3</c> and so on.</summary>
    public static IEnumerable<(string Name, Tensor Value)> Named(string prefix, IReadOnlyList<Tensor> levels) =>
        LevelNames.Select((l, i) => ($"{prefix}.{l}", levels[i]));

    /// <summary>The head's outputs that a case has as inputs.</summary>
    public static GlipOutputs Outputs(GoldenCase golden, bool gradient = false) =>
        new(Levels(golden, "in.logits", gradient), Levels(golden, "in.bbox", gradient), Levels(golden, "in.ctr", gradient));

    public static void CheckOutputs(GoldenCase golden, GoldenResult result, GlipOutputs outputs, string kind = "out")
    {
        CheckLevels(golden, result, $"{kind}.logits", outputs.Logits);
        CheckLevels(golden, result, $"{kind}.bbox", outputs.Boxes);
        CheckLevels(golden, result, $"{kind}.ctr", outputs.Centerness);
    }

    /// <summary>The boxes of each image: <c>in.boxes.0</c> and so on.</summary>
    public static Tensor[] Boxes(GoldenCase golden) =>
        [.. Enumerable.Range(0, 1000).TakeWhile(i => golden.Tensors.ContainsKey($"in.boxes.{i}")).Select(i => golden.Tensors[$"in.boxes.{i}"])];

    /// <summary>The layer of the tower that the notes name by its key.</summary>
    public static TowerLayer Layer(GoldenCase golden, GlipModel model)
    {
        var part = (int)Number(Notes(golden), @"dyhead_tower\.\{?(\d+)");
        return model.Head.Tower[model.Config.Head.EarlyFusion ? part / 3 : part];
    }

    public static ImageSize Size(GoldenCase golden, string name) =>
        golden.Json.GetProperty(name) is var size ? new ImageSize(size[0].GetInt32(), size[1].GetInt32()) : default;

    /// <summary>For each class of <c>label_to_tokens</c> its tokens.</summary>
    public static IReadOnlyList<IReadOnlyList<int>> Classes(System.Text.Json.JsonElement labelToTokens)
    {
        var classes = labelToTokens.EnumerateObject().ToDictionary(p => int.Parse(p.Name, CultureInfo.InvariantCulture), p => p.Value);
        return [.. Enumerable.Range(1, classes.Keys.DefaultIfEmpty().Max()).Select(label =>
            classes.TryGetValue(label, out var tokens) ? (IReadOnlyList<int>)[.. tokens.EnumerateArray().Select(t => t.GetInt32())] : [])];
    }

    public static string Notes(GoldenCase golden) => string.Join("\n", golden.Json.GetProperty("notes").EnumerateArray().Select(n => n.GetString()));

    /// <summary>The tokens up to the last one that is valid in any row of a mask [B, T].</summary>
    public static long Longest(Tensor mask) => mask.ne(0).any(0).nonzero().max().item<long>() + 1;

    /// <summary>A number in a text: the pattern's first group.</summary>
    public static double Number(string text, string pattern) =>
        Regex.Match(text, pattern) is { Success: true } match
            ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"'{pattern}' does not occur in: {text}");

    /// <summary>Compares detections: boxes, scores and labels, whatever their order among equal scores.</summary>
    public static void CheckDetections(GoldenCase golden, GoldenResult result, IReadOnlyList<GlipDetection> detections)
    {
        var scores = golden.Tensors["out.scores"].to(ScalarType.Float64).data<double>().ToArray();
        var boxes = golden.Tensors["out.boxes"].to(ScalarType.Float64).flatten().data<double>().ToArray();
        var labels = golden.Tensors["out.labels"].to(ScalarType.Int64).data<long>().ToArray();
        result.ExpectEqual(scores.Length, detections.Count, "number of detections");
        if (scores.Length != detections.Count) return;

        // Each reference takes, of the detections left whose score is close, the one with the closest box.
        var left = detections.ToList();
        var order = new List<GlipDetection>();
        for (var i = 0; i < scores.Length; i++)
        {
            var expected = (i, scores);
            var best = left.Where(d => d.Label == labels[i] && Math.Abs(d.Score - expected.scores[expected.i]) < 1e-3).OrderBy(Distance).FirstOrDefault();
            if (best == default) best = left[0];
            left.Remove(best);
            order.Add(best);

            double Distance(GlipDetection d) => Math.Abs(d.X1 - boxes[4 * i]) + Math.Abs(d.Y1 - boxes[(4 * i) + 1]) + Math.Abs(d.X2 - boxes[(4 * i) + 2]) + Math.Abs(d.Y2 - boxes[(4 * i) + 3]);
        }

        result.Check("out.scores", tensor(order.Select(d => d.Score).ToArray()));
        result.Check("out.boxes", tensor(order.SelectMany(d => (float[])[d.X1, d.Y1, d.X2, d.Y2]).ToArray(), [order.Count, 4]));
        result.ExpectSequence(labels, order.Select(d => (long)d.Label), "labels");
        result.Check("out.labels", tensor(order.Select(d => (long)d.Label).ToArray()));
        result.Expect(detections.Zip(detections.Skip(1)).All(p => p.First.Score >= p.Second.Score), "detections are not sorted by score");
    }
}
