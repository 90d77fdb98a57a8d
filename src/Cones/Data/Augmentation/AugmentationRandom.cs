using Cones.Search;

namespace Cones.Data.Augmentation;

/// <summary>
/// The random numbers of one sample. They follow from (seed, epoch or step, index of the image) alone, so that a resumed search sees
/// the same images and samples can be made in any order.
/// </summary>
/// <remarks>SplitMix64 (Steele, Lea and Flood 2014), seeded by <see cref="SeedSequence"/>: the same numbers on every platform.</remarks>
public sealed class AugmentationRandom
{
    ulong _state;

    /// <summary>The numbers of one sample.</summary>
    /// <param name="seed">The search's seed.</param>
    /// <param name="epoch">The epoch or step, from 0.</param>
    /// <param name="index">The image's place in the data set.</param>
    public AugmentationRandom(long seed, long epoch, long index) => _state = SeedSequence.Derive(seed, "augmentation", epoch, index);

    /// <summary>A number from 0 to below 1.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A whole number from <paramref name="from"/> to <paramref name="to"/>, both possible.</summary>
    public int NextInt(int from, int to)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(to, from);
        return from + (int)(((UInt128)Next() * (ulong)((long)to - from + 1)) >> 64);
    }

    /// <summary>One of several, each with the same probability.</summary>
    public T Choose<T>(IReadOnlyList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return items[NextInt(0, items.Count - 1)];
    }

    ulong Next()
    {
        _state += 0x9e3779b97f4a7c15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
