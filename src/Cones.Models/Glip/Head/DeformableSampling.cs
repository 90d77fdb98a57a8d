using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>Where the nine taps of a modulated deformable 3 x 3 convolution read, and how much each counts.</summary>
/// <param name="Offsets">[B, 18, H, W]: channel 2k is tap k's row offset in pixels, 2k + 1 its column offset.</param>
/// <param name="Mask">[B, 9, H, W], 0 to 1.</param>
public sealed record DeformableSampling(Tensor Offsets, Tensor Mask)
{
    /// <summary>The channels that <see cref="Split"/> takes.</summary>
    public const int Channels = 27;

    const int OffsetChannels = 18;

    /// <summary>Offsets and mask of the 27 channels [B, 27, H, W] that a layer predicts.</summary>
    public static DeformableSampling Split(Tensor predicted)
    {
        using var scope = NewDisposeScope();
        var offsets = predicted.narrow(1, 0, OffsetChannels);
        var mask = predicted.narrow(1, OffsetChannels, Channels - OffsetChannels).sigmoid();
        return new DeformableSampling(offsets.MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// What a convolution with an output of <paramref name="height"/> x <paramref name="width"/> pixels reads from a larger map: the
    /// beginning of its memory, as if that were a map of the smaller size.
    /// </summary>
    /// <remarks>
    /// GLIP's CUDA kernel addresses the memory by the output's size and never asks for the map's own. The models were trained with
    /// it: only about the first quarter of the channels takes part, at other places than it was predicted for.
    /// </remarks>
    public DeformableSampling ReadAs(long height, long width)
    {
        using var scope = NewDisposeScope();
        return new DeformableSampling(Reread(Offsets).MoveToOuterDisposeScope(), Reread(Mask).MoveToOuterDisposeScope());

        Tensor Reread(Tensor map)
        {
            var (channels, pixels) = (map.shape[1], map.shape[2] * map.shape[3]);
            var count = channels * height * width;
            if (count > channels * pixels)
                throw new ArgumentException($"a map of {map.shape[2]}x{map.shape[3]} pixels cannot be read as one of {height}x{width}");
            // [B, c, H, W] -> [B, cHW], of the channels that are read at all -> [B, channels, height, width]
            var memory = map.narrow(1, 0, (count + pixels - 1) / pixels).contiguous().flatten(1);
            return memory.narrow(1, 0, count).reshape(map.shape[0], channels, height, width);
        }
    }
}
