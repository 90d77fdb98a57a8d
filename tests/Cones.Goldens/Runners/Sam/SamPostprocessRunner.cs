using System.Text.Json;
using Cones.Models.Imaging;
using Cones.Models.Sam;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Sam;

/// <summary>Kind <c>sam-postprocess</c>: masks back to the original image, prompts to model coordinates.</summary>
sealed class SamPostprocessRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["sam-postprocess"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        JsonElement[] sizes = [.. golden.Json.GetProperty("sizes").EnumerateArray()];
        // The longest edge of every image is resized to the side of the padded square.
        var side = sizes.Max(s => Math.Max(Size(s, "reshaped_size").Height, Size(s, "reshaped_size").Width));
        for (var i = 0; i < sizes.Length; i++)
        {
            var (original, reshaped) = (Size(sizes[i], "original_size"), Size(sizes[i], "reshaped_size"));
            result.ExpectEqual(reshaped, new SizeRule { LongestEdge = side }.Apply(original), $"reshaped_size {i}");
            var logits = SamProcessor.MasksToImage(golden.Tensors[$"in.low_res_masks.{i}"], original, reshaped, new ImageSize(side, side)).squeeze(0);
            result.Check($"out.masks_logits.{i}", logits);
            long[] counts = [.. (logits > 0).sum([-2, -1]).reshape(-1).data<long>()];
            long[] expected = [.. sizes[i].GetProperty("foreground_pixels").EnumerateArray().Select(c => c.GetInt64())];
            result.Expect(counts.Length == expected.Length && counts.Zip(expected).All(c => Math.Abs(c.First - c.Second) <= 1), $"foreground_pixels {i}: [{string.Join(",", counts)}]");
            result.Check($"out.points.{i}", SamProcessor.ScalePrompts(golden.Tensors[$"in.points.{i}"], original, reshaped).unsqueeze(0));
            result.Check($"out.boxes.{i}", SamProcessor.ScalePrompts(golden.Tensors[$"in.boxes.{i}"], original, reshaped).unsqueeze(0));
        }

        result.RequireAllOutputs();
    }

    static ImageSize Size(JsonElement json, string name) => new(json.GetProperty(name)[0].GetInt32(), json.GetProperty(name)[1].GetInt32());
}
