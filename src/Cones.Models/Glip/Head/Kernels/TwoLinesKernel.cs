using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Glip.Head.Kernels;

/// <summary>The larger of two lines for each channel and sample, of [B, N, C] (pixels before channels), in one pass over the memory.</summary>
/// <param name="batch">B.</param>
/// <param name="pixels">N.</param>
/// <param name="channels">C, a multiple of 8.</param>
sealed unsafe class TwoLinesKernel(long batch, long pixels, long channels)
{
    const int Lanes = 8;

    // Sums run in float32 over this many pixels and in float64 beyond.
    const int Block = 64;

    readonly long _blocks = (pixels + Block - 1) / Block;

    /// <summary>Writes the result.</summary>
    /// <param name="x">[B, N, C].</param>
    /// <param name="lines">[B, 4, C]: slope and offset of the first line, then of the second.</param>
    /// <param name="y">[B, N, C].</param>
    public void Forward(float* x, float* lines, float* y)
    {
        ParallelRange.Run(batch * pixels, Math.Max(1, 16384 / channels), [MethodImpl(MethodImplOptions.AggressiveOptimization)] (from, to) =>
        {
            for (var row = from; row < to; row++)
            {
                var line = lines + (row / pixels * 4 * channels);
                for (var c = 0L; c < channels; c += Lanes)
                {
                    var value = Vector256.Load(x + (row * channels) + c);
                    Vector256.Max(First(line, value, c), Second(line, value, c)).Store(y + (row * channels) + c);
                }
            }
        });
    }

    /// <summary>Writes the gradients of x and of the lines, given that of the result. Where both lines meet, each gets a half, as in PyTorch.</summary>
    public void Backward(float* x, float* lines, float* gradY, float* gradX, float* gradLines)
    {
        var sums = new float[batch * _blocks * 4 * channels];
        ParallelRange.Run(batch * _blocks, Math.Max(1, 16384 / channels / Block), [MethodImpl(MethodImplOptions.AggressiveOptimization)] (from, to) =>
        {
            var half = Vector256.Create(0.5f);
            for (var block = from; block < to; block++)
                fixed (float* sum = &sums[block * 4 * channels])
                {
                    var (sample, part) = Math.DivRem(block, _blocks);
                    var line = lines + (sample * 4 * channels);
                    for (var n = part * Block; n < Math.Min((part + 1) * Block, pixels); n++)
                    {
                        var row = ((sample * pixels) + n) * channels;
                        for (var c = 0L; c < channels; c += Lanes)
                        {
                            var (value, gradient) = (Vector256.Load(x + row + c), Vector256.Load(gradY + row + c));
                            var (first, second) = (First(line, value, c), Second(line, value, c));
                            var ofFirst = Vector256.ConditionalSelect(Vector256.GreaterThan(first, second), gradient, Vector256<float>.Zero);
                            ofFirst = Vector256.ConditionalSelect(Vector256.Equals(first, second), gradient * half, ofFirst);
                            var ofSecond = gradient - ofFirst;
                            Vector256.FusedMultiplyAdd(ofFirst, Vector256.Load(line + c), ofSecond * Vector256.Load(line + (2 * channels) + c)).Store(gradX + row + c);
                            Vector256.FusedMultiplyAdd(ofFirst, value, Vector256.Load(sum + c)).Store(sum + c);
                            (Vector256.Load(sum + channels + c) + ofFirst).Store(sum + channels + c);
                            Vector256.FusedMultiplyAdd(ofSecond, value, Vector256.Load(sum + (2 * channels) + c)).Store(sum + (2 * channels) + c);
                            (Vector256.Load(sum + (3 * channels) + c) + ofSecond).Store(sum + (3 * channels) + c);
                        }
                    }
                }
        });
        for (var sample = 0L; sample < batch; sample++)
            for (var i = 0L; i < 4 * channels; i++)
            {
                var total = 0.0;
                for (var block = sample * _blocks; block < (sample + 1) * _blocks; block++) total += sums[(block * 4 * channels) + i];
                gradLines[(sample * 4 * channels) + i] = (float)total;
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Line(float* slope, float* offset, Vector256<float> value) =>
        Vector256.FusedMultiplyAdd(value, Vector256.Load(slope), Vector256.Load(offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector256<float> First(float* line, Vector256<float> value, long c) => Line(line + c, line + channels + c, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector256<float> Second(float* line, Vector256<float> value, long c) => Line(line + (2 * channels) + c, line + (3 * channels) + c, value);
}
