using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// Noise from one generator an image: row k of every draw depends on seed k alone, so that an image of a batch can be made
/// again by itself. The numbers are those of <c>torch.Generator("cpu").manual_seed(seed)</c> in PyTorch, on any device.
/// </summary>
public sealed class SeededNoise : INoiseSource, IDisposable
{
    readonly Generator[] _generators;

    /// <summary>A generator for each of <paramref name="seeds"/>.</summary>
    public SeededNoise(params IReadOnlyList<ulong> seeds)
    {
        if (seeds.Count == 0) throw new ArgumentException("at least one seed is needed", nameof(seeds));
        _generators = [.. seeds.Select(seed => new Generator(seed, CPU))];
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch has another size than the list of seeds.</exception>
    public Tensor Next(ReadOnlySpan<long> shape, ScalarType type, Device device)
    {
        if (shape.Length == 0 || shape[0] != _generators.Length)
            throw new ArgumentException($"{_generators.Length} seeds for a batch of {(shape.Length == 0 ? 0 : shape[0])}", nameof(shape));
        using var scope = NewDisposeScope();
        long[] row = [1, .. shape[1..]];
        var rows = _generators.Select(generator => randn(row, dtype: ScalarType.Float32, generator: generator)).ToArray();
        return cat(rows).to(type, device).MoveToOuterDisposeScope(); // [B, ...]
    }

    /// <summary>Frees the generators.</summary>
    public void Dispose()
    {
        foreach (var generator in _generators) generator.Dispose();
    }
}
