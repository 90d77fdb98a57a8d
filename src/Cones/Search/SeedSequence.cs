using System.Security.Cryptography;
using System.Text;

namespace Cones.Search;

/// <summary>
/// Seeds derived from counters: every random number of a search follows from (seed, stream, step, micro-batch), whatever was
/// drawn before. A resumed search needs no generator state.
/// </summary>
public static class SeedSequence
{
    /// <summary>The seed of one stream at one position: the first 8 bytes of a SHA-256 over all four.</summary>
    public static ulong Derive(long seed, string stream, int step = 0, int micro = 0)
    {
        var text = Encoding.UTF8.GetBytes($"cones:{seed}:{stream}:{step}:{micro}");
        return BitConverter.ToUInt64(SHA256.HashData(text));
    }
}
