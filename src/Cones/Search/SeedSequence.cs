using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cones.Search;

/// <summary>
/// Seeds derived from counters: every random number of a search follows from (seed, stream, step, micro-batch), whatever was
/// drawn before. A resumed search needs no generator state.
/// </summary>
/// <remarks>
/// A seed is the first 8 bytes, little-endian, of SHA-256 over the text <c>cones:seed:stream:step:micro</c>, numbers in
/// decimal. That is part of the promise that one seed gives one concept file: it never changes. LibTorch's CPU generator
/// takes the low 32 bits of it.
/// </remarks>
public static class SeedSequence
{
    /// <summary>The seed of one draw.</summary>
    /// <param name="seed">The search's seed.</param>
    /// <param name="stream">What is drawn, e.g. <c>noise</c>: different streams are independent.</param>
    /// <param name="step">The step, from 0, or any other counter.</param>
    /// <param name="micro">The micro-batch of the step, from 0, or any further counter.</param>
    public static ulong Derive(long seed, string stream, long step = 0, long micro = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(stream);
        var text = string.Create(CultureInfo.InvariantCulture, $"cones:{seed}:{stream}:{step}:{micro}");
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
