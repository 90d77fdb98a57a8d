using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>Where the nine taps of a <see cref="Layers.DeformableConv2d"/> read, and how much each counts.</summary>
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
}
