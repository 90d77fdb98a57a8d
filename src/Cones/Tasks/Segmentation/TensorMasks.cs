using Cones.Data.Masks;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>Masks in tensors to run lengths.</summary>
static class TensorMasks
{
    /// <summary>The masks of truth values [n, H, W].</summary>
    public static IReadOnlyList<RleMask> Encode(Tensor masks)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (count, height, width) = ((int)masks.shape[0], (int)masks.shape[1], (int)masks.shape[2]);
        // Run lengths go down the columns: [n, H, W] -> [n, W, H]
        var columns = masks.cpu().transpose(1, 2).contiguous().bytes;
        var encoded = new List<RleMask>(count);
        for (var i = 0; i < count; i++) encoded.Add(RleMask.EncodeColumns(height, width, columns.Slice(i * height * width, height * width)));
        return encoded;
    }
}
