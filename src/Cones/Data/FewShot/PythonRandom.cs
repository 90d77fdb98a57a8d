namespace Cones.Data.FewShot;

/// <summary>
/// Python's <c>random.Random(seed)</c>: the Mersenne Twister MT19937 with its seeding by an array and Python's <c>shuffle</c>.
/// Published few-shot subsets are defined by it.
/// </summary>
/// <remarks>Reference: Matsumoto and Nishimura 1998; CPython's <c>Modules/_randommodule.c</c> and <c>Lib/random.py</c> (since 3.2).</remarks>
public sealed class PythonRandom
{
    const int N = 624;
    const int M = 397;
    readonly uint[] _state = new uint[N];
    int _next = N;

    /// <summary>A generator. As in Python, the sign of the seed is ignored.</summary>
    public PythonRandom(long seed)
    {
        var magnitude = seed == long.MinValue ? 1UL << 63 : (ulong)Math.Abs(seed);
        uint[] key = magnitude >> 32 == 0 ? [(uint)magnitude] : [(uint)magnitude, (uint)(magnitude >> 32)];
        Seed(key);
    }

    /// <summary>Shuffles in place, as <c>random.shuffle</c>.</summary>
    public void Shuffle<T>(IList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        for (var i = items.Count - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>A whole number from 0 to <paramref name="limit"/> - 1, as <c>random.randrange</c>.</summary>
    public int Below(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var bits = 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)limit);
        while (true)
        {
            var value = Next() >> (32 - bits);
            if (value < limit) return (int)value;
        }
    }

    uint Next()
    {
        if (_next == N) Twist();
        var y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >> 18);
    }

    void Twist()
    {
        for (var k = 0; k < N; k++)
        {
            var y = (_state[k] & 0x80000000) | (_state[(k + 1) % N] & 0x7fffffff);
            _state[k] = _state[(k + M) % N] ^ (y >> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
        }

        _next = 0;
    }

    void Seed(uint[] key)
    {
        _state[0] = 19650218;
        for (uint k = 1; k < N; k++) _state[k] = (1812433253 * (_state[k - 1] ^ (_state[k - 1] >> 30))) + k;
        int i = 1, j = 0;
        for (var k = Math.Max(N, key.Length); k > 0; k--)
        {
            _state[i] = (_state[i] ^ ((_state[i - 1] ^ (_state[i - 1] >> 30)) * 1664525)) + key[j] + (uint)j;
            Advance();
            if (++j == key.Length) j = 0;
        }

        for (var k = N - 1; k > 0; k--)
        {
            _state[i] = (_state[i] ^ ((_state[i - 1] ^ (_state[i - 1] >> 30)) * 1566083941)) - (uint)i;
            Advance();
        }

        _state[0] = 0x80000000;

        void Advance()
        {
            if (++i < N) return;
            _state[0] = _state[N - 1];
            i = 1;
        }
    }
}
