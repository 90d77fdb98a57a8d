using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>Where a scheduler's random numbers come from.</summary>
public interface INoiseSource
{
    /// <summary>The next tensor of independent standard normal numbers.</summary>
    /// <param name="shape">[B, ...].</param>
    /// <param name="type">A floating-point type.</param>
    /// <param name="device">Where the result is wanted.</param>
    Tensor Next(ReadOnlySpan<long> shape, ScalarType type, Device device);
}
