using Cones.Models.Imaging;
using Cones.Models.Sam3;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Sam3;

/// <summary>Kind <c>sam3-postprocess</c>: objects and semantic maps in the images' sizes.</summary>
sealed class Sam3PostprocessRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["sam3-postprocess"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var t = golden.Tensors;
        var none = zeros(0);
        var output = new Sam3Output(
            t["in.pred_masks"], t["in.pred_boxes"], t["in.pred_logits"], t["in.presence_logits"], t["in.semantic_seg"],
            new Sam3LayerOutputs(none, none, none, none, none, none));
        ImageSize[] sizes = [.. golden.Json.GetProperty("target_sizes").EnumerateArray().Select(s => new ImageSize(s[0].GetInt32(), s[1].GetInt32()))];
        var (threshold, maskThreshold, semanticThreshold) = (Number(golden, "threshold", 0.3), Number(golden, "mask_threshold", 0.5), Number(golden, "semantic_threshold", 0.5));
        var instances = Sam3Postprocessor.Instances(output, sizes, threshold, maskThreshold);
        var semantic = Sam3Postprocessor.Semantic(output, sizes, semanticThreshold);
        for (var i = 0; i < sizes.Length; i++)
        {
            result.Check($"out.scores.{i}", instances[i].Scores);
            result.Check($"out.boxes.{i}", instances[i].Boxes);
            CheckMasks(golden, result, $"out.masks.{i}", instances[i].Masks, output.PredMasks[i], sizes[i], maskThreshold);
            CheckMasks(golden, result, $"out.semantic.{i}", semantic[i], output.SemanticSeg[i], sizes[i], semanticThreshold);
        }

        result.RequireAllOutputs();
    }

    static double Number(GoldenCase golden, string name, double otherwise) => golden.Json.TryGetProperty(name, out var value) ? value.GetDouble() : otherwise;

    // In float32 a pixel whose probability is within 1e-6 of the threshold may flip: those are not compared.
    static void CheckMasks(GoldenCase golden, GoldenResult result, string name, Tensor masks, Tensor logits, ImageSize size, double threshold)
    {
        var expected = golden.Tensors[name];
        if (!expected.shape.AsSpan().SequenceEqual(masks.shape))
        {
            result.Check(name, masks.to(ScalarType.Byte));
            return;
        }

        var exact = nn.functional.interpolate(
            logits.to(ScalarType.Float64).sigmoid().unsqueeze(0), size: [size.Height, size.Width], mode: InterpolationMode.Bilinear, align_corners: false).squeeze(0);
        // Where some queries were dropped, a pixel is on the edge if it is so for any of them.
        var onEdge = (exact - threshold).abs().le(1e-6).any(0); // [H, W]
        result.Check(name, where(onEdge, expected, masks.to(ScalarType.Byte)));
    }
}
