using Cones.Search;

namespace Cones.Pretraining.Data;

/// <summary>
/// Random numbers that follow from a seed, a stream's name and counters, whatever was drawn before (SplitMix64, Steele et al.
/// 2014): a resumed run needs no generator state.
/// </summary>
struct CounterRandom
{
    ulong _state;

    /// <summary>The numbers of one seed.</summary>
    public CounterRandom(ulong seed) => _state = seed;

    /// <summary>The numbers of a stream at a step; see <see cref="SeedSequence"/>.</summary>
    public static CounterRandom At(long seed, string stream, long step, long micro = 0) => new(SeedSequence.Derive(seed, stream, step, micro));

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double Next() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high).</summary>
    public double Next(double low, double high) => low + ((high - low) * Next());

    /// <summary>Uniform in 0 .. count − 1.</summary>
    public int Below(int count) => (int)(Next() * count);

    /// <summary>Whether an event of this probability happens.</summary>
    public bool Chance(double probability) => Next() < probability;

    /// <summary>One of several.</summary>
    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary><paramref name="count"/> different items in random order; all of them where there are fewer.</summary>
    public T[] Choose<T>(IReadOnlyList<T> items, int count)
    {
        T[] all = [.. items];
        count = Math.Min(count, all.Length);
        for (var i = 0; i < count; i++)
        {
            var j = i + Below(all.Length - i);
            (all[i], all[j]) = (all[j], all[i]);
        }

        return all[..count];
    }
}
