using System.Globalization;
using System.Text.RegularExpressions;
using Cones.Models.Imaging;
using TorchSharp;

namespace Cones.Goldens.Runners.Imaging;

/// <summary>Outputs <c>out.INPUT.MODE</c> at the image's own size, <c>out.INPUT.MODE_to</c> at the output's, and the way back.</summary>
sealed partial class VaeProcessorRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["image-vae-processor"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        // The settings are the arguments of the reference's constructor.
        var reference = golden.Json.GetProperty("reference").GetString()!;
        var processor = new VaeImageProcessor(
            ScaleFactor().Match(reference) is { Success: true } f ? int.Parse(f.Groups[1].Value, CultureInfo.InvariantCulture) : 8,
            Resample().Match(reference) is { Success: true } r ? Enum.Parse<ResampleFilter>(r.Groups[1].Value, ignoreCase: true) : ResampleFilter.Lanczos,
            !NotNormalized().IsMatch(reference));

        foreach (var (name, expected) in golden.Tensors)
        {
            if (!name.StartsWith("out.", StringComparison.Ordinal)) continue;
            if (name == "out.decoded_pt") result.Check(name, processor.Denormalize(golden.Tensors["in.decoded"]));
            else if (name == "out.decoded_uint8") result.Check(name, processor.ToBytes(golden.Tensors["in.decoded"]));
            else result.Check(name, Preprocess(golden, processor, name, expected.shape));
        }

        result.RequireAllOutputs();
    }

    static torch.Tensor Preprocess(GoldenCase golden, VaeImageProcessor processor, string name, long[] shape)
    {
        var parts = name.Split('.');
        var image = ImageInputs.Image(golden, int.Parse(parts[1], CultureInfo.InvariantCulture));
        var options = parts[2].Split('_');
        var mode = Enum.Parse<VaeResizeMode>(options[0], ignoreCase: true);
        return processor.Preprocess(image, options.Contains("to") ? new ImageSize((int)shape[2], (int)shape[3]) : null, mode);
    }

    [GeneratedRegex(@"vae_scale_factor\s*=\s*(\d+)")]
    private static partial Regex ScaleFactor();

    [GeneratedRegex(@"resample\s*=\s*['""]?(\w+)")]
    private static partial Regex Resample();

    [GeneratedRegex(@"do_normalize\s*=\s*False")]
    private static partial Regex NotNormalized();
}
