using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes;

/// <summary>Pictures for people.</summary>
static class Sheets
{
    /// <summary>Pixels [B, 3, H, W] in [-1, 1] as images.</summary>
    public static IReadOnlyList<RgbImage> ToImages(Tensor pixels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var bytes = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(ScalarType.Byte).permute(0, 2, 3, 1).contiguous(); // [B, 3, H, W] -> [B, H, W, 3]
        return [.. Enumerable.Range(0, (int)bytes.shape[0]).Select(i => RgbImage.FromTensor(bytes[i]))];
    }
}
