using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Imaging;

/// <summary>Whole preprocessors on batches of images of different sizes.</summary>
sealed class ProcessorRunner : IGoldenRunner
{
    // The torchvision variant is not the one to match: it may differ by one 8-bit step, and only in some pixels.
    const double TorchvisionShare = 0.05;

    public IReadOnlyCollection<string> Kinds => ["image-clip-processor", "image-grounding-dino-processor", "image-sam-processor"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var file = golden.PathOf("preprocessor_config.json");
        var config = golden.Kind switch
        {
            "image-clip-processor" => ImageProcessorConfig.ClipFromFile(file),
            "image-sam-processor" => ImageProcessorConfig.SamFromFile(file),
            _ => ImageProcessorConfig.GroundingDinoFromFile(file),
        };
        var images = ImageInputs.All(golden);
        var batch = new ImageProcessor(config).Preprocess(images);
        var outputs = new Dictionary<string, Tensor>
        {
            ["out.pixel_values_pil"] = batch.PixelValues,
            ["out.pixel_values"] = batch.PixelValues,
            ["out.pixel_mask"] = batch.PixelMask,
            ["out.original_sizes"] = Sizes(batch.OriginalSizes),
            ["out.reshaped_input_sizes"] = Sizes(batch.ReshapedSizes),
        };
        foreach (var (name, tensor) in outputs)
            if (golden.Tensors.ContainsKey(name)) result.Check(name, tensor);

        var resize = new ImageProcessor(config with { DoCenterCrop = false });
        for (var i = 0; i < images.Count; i++)
            if (golden.Tensors.ContainsKey($"mid.resized_pil.{i}"))
                result.Check($"mid.resized_pil.{i}", resize.Resize(images[i]).ToTensor());

        CheckTorchvision(golden, config, batch.PixelValues, result);
        result.RequireAllOutputs();
    }

    static void CheckTorchvision(GoldenCase golden, ImageProcessorConfig config, Tensor actual, GoldenResult result)
    {
        const string Name = "out.pixel_values_torchvision";
        if (!golden.Tensors.TryGetValue(Name, out var expected)) return;
        var step = (config.DoRescale ? config.RescaleFactor : 1) / (config.DoNormalize ? config.ImageStd.Min() : 1);
        result.Check(Name, actual, expected, 1e-5, step + 1e-5);
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape)) return;
        var share = (actual - expected).abs().gt(step / 100).to(ScalarType.Float64).mean().item<double>();
        result.Expect(share <= TorchvisionShare, $"{Name}: {share:p1} of the values differ by a step");
    }

    static Tensor Sizes(IReadOnlyList<ImageSize> sizes) =>
        tensor(sizes.SelectMany(s => new long[] { s.Height, s.Width }).ToArray()).reshape(-1, 2); // [B, 2]
}
