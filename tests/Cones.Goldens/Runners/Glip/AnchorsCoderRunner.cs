using System.Globalization;
using System.Text.RegularExpressions;
using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-anchors-coder</c>: grids of anchors, and boxes relative to anchors and back.</summary>
sealed class AnchorsCoderRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-anchors-coder"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var padded = Regex.Match(GlipCase.Notes(golden), @"padded to \((\d+), (\d+)\)");
        var image = new ImageSize(Int(padded.Groups[1]), Int(padded.Groups[2]));
        foreach (var output in golden.Json.GetProperty("outputs").EnumerateObject().Where(o => o.Name.StartsWith("anchors", StringComparison.Ordinal)))
        {
            double[] sizes = [.. Regex.Matches(output.Value.GetString()!, @"\d+(\.\d+)?").Select(m => double.Parse(m.Value, CultureInfo.InvariantCulture))];
            var real = new GlipAnchorConfig();
            var anchors = GlipAnchors.Create(sizes.Length == real.Sizes.Count ? real with { Sizes = sizes } : real, image);
            var all = anchors.ToTensor().split([.. anchors.LevelCounts.Select(c => (long)c)], 0);
            for (var i = 0; i < all.Length; i++) result.Check($"out.{output.Name.Replace(".*", "")}.{GlipCase.LevelNames[i]}", all[i]);
        }

        var boxes = golden.Tensors["in.anchors"];
        result.Check("out.encoded", GlipBoxCoder.Encode(golden.Tensors["in.gt"], boxes));
        var deltas = golden.Tensors["in.deltas"].clone().requires_grad_();
        var decoded = GlipBoxCoder.Decode(deltas, boxes);
        result.Check("out.decoded", decoded);
        GlipCase.Cotangent(golden, [("decoded", decoded)]).backward();
        result.Check("grad.deltas", deltas.grad!);
        result.RequireAllOutputs();

        static int Int(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);
    }
}
