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
        var instances = Sam3Postprocessor.Instances(output, sizes);
        var semantic = Sam3Postprocessor.Semantic(output, sizes);
        for (var i = 0; i < sizes.Length; i++)
        {
            result.Check($"out.scores.{i}", instances[i].Scores);
            result.Check($"out.boxes.{i}", instances[i].Boxes);
            CheckMasks(golden, result, $"out.masks.{i}", instances[i].Masks, output.PredMasks[i], sizes[i]);
            CheckMasks(golden, result, $"out.semantic.{i}", semantic[i], output.SemanticSeg[i], sizes[i]);
        }

        result.RequireAllOutputs();
    }

    // In float32 a pixel whose probability is within 1e-6 of the threshold may flip: those are not compared.
    static void CheckMasks(GoldenCase golden, GoldenResult result, string name, Tensor masks, Tensor logits, ImageSize size)
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
        var onEdge = (exact - 0.5).abs().le(1e-6).any(0); // [H, W]
        result.Check(name, where(onEdge, expected, masks.to(ScalarType.Byte)));
    }
}
