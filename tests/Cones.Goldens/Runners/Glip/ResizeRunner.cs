using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-resize-normalise</c>: the rule of sizes, resized pixels, normalised pixels.</summary>
sealed class ResizeRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-resize-normalise"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        foreach (var rule in golden.Json.GetProperty("size_rules").EnumerateArray())
        {
            result.ExpectEqual(
                new ImageSize(Int("out_h"), Int("out_w")), GlipImageProcessor.ResizedSize(new ImageSize(Int("h"), Int("w")), Int("min_size"), Int("max_size")), $"size of {rule}");

            int Int(string name) => rule.GetProperty(name).GetInt32();
        }

        var processor = new GlipImageProcessor(new GlipInputConfig());
        for (var i = 0; golden.Tensors.TryGetValue($"in.rgb.{i}", out var pixels); i++)
        {
            var expected = golden.Tensors[$"out.rgb.{i}"];
            var resized = RgbImage.FromTensor(pixels).Resize((int)expected.shape[1], (int)expected.shape[0], ResampleFilter.Bilinear);
            result.Check($"out.rgb.{i}", resized.ToTensor(), expected, 0, 0);
            if (golden.Tensors.ContainsKey($"out.normalised.{i}")) result.Check($"out.normalised.{i}", processor.Normalize([resized], resized.Size)[0]);
        }

        result.RequireAllOutputs();
    }
}
