using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Glip.Head.Kernels;

/// <summary>The mean of two or three maps, each weighted by one number for each sample, in one pass over the memory.</summary>
/// <param name="batch">B.</param>
/// <param name="size">Elements of a sample, a multiple of 8.</param>
sealed unsafe class WeightedMeanKernel(long batch, long size)
{
    const int Lanes = 8;

    // Sums run in float32 over this many elements and in float64 beyond.
    const long Block = 4096;

    readonly long _blocks = (size + Block - 1) / Block;

    /// <summary>Writes the mean of maps a, b and (unless null) c; weights are [maps, B].</summary>
    public void Forward(float* a, float* b, float* c, float* weights, float* y)
    {
        ParallelRange.Run(batch * _blocks, 4, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (from, to) =>
        {
            for (var block = from; block < to; block++)
            {
                var (first, last) = Range(block);
                var (forA, forB, forC) = Factors(weights, block / _blocks, c != null);
                for (var i = first; i < last; i += Lanes)
                {
                    var sum = Vector256.FusedMultiplyAdd(Vector256.Load(b + i), forB, Vector256.Load(a + i) * forA);
                    if (c != null) sum = Vector256.FusedMultiplyAdd(Vector256.Load(c + i), forC, sum);
                    sum.Store(y + i);
                }
            }
        });
    }

    /// <summary>Writes the gradients of maps (c may be null) and weights, given that of the mean.</summary>
    public void Backward(float* a, float* b, float* c, float* weights, float* gradY, float* gradA, float* gradB, float* gradC, float* gradWeights)
    {
        var count = c == null ? 2 : 3;
        var sums = new double[batch * _blocks * count];
        ParallelRange.Run(batch * _blocks, 4, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (from, to) =>
        {
            for (var block = from; block < to; block++)
            {
                var (first, last) = Range(block);
                var (forA, forB, forC) = Factors(weights, block / _blocks, c != null);
                Vector256<float> ofA = default, ofB = default, ofC = default;
                for (var i = first; i < last; i += Lanes)
                {
                    var gradient = Vector256.Load(gradY + i);
                    ofA = Vector256.FusedMultiplyAdd(gradient, Vector256.Load(a + i), ofA);
                    ofB = Vector256.FusedMultiplyAdd(gradient, Vector256.Load(b + i), ofB);
                    (gradient * forA).Store(gradA + i);
                    (gradient * forB).Store(gradB + i);
                    if (c == null) continue;
                    ofC = Vector256.FusedMultiplyAdd(gradient, Vector256.Load(c + i), ofC);
                    (gradient * forC).Store(gradC + i);
                }

                sums[block * count] = Vector256.Sum(ofA);
                sums[(block * count) + 1] = Vector256.Sum(ofB);
                if (c != null) sums[(block * count) + 2] = Vector256.Sum(ofC);
            }
        });
        for (var sample = 0L; sample < batch; sample++)
            for (var map = 0; map < count; map++)
            {
                var sum = 0.0;
                for (var block = sample * _blocks; block < (sample + 1) * _blocks; block++) sum += sums[(block * count) + map];
                gradWeights[(map * batch) + sample] = (float)(sum / count);
            }
    }

    (long First, long Last) Range(long block)
    {
        var (sample, part) = Math.DivRem(block, _blocks);
        return ((sample * size) + (part * Block), (sample * size) + Math.Min((part + 1) * Block, size));
    }

    (Vector256<float> A, Vector256<float> B, Vector256<float> C) Factors(float* weights, long sample, bool three)
    {
        var share = three ? 1f / 3 : 0.5f;
        return (Vector256.Create(weights[sample] * share), Vector256.Create(weights[batch + sample] * share), three ? Vector256.Create(weights[(2 * batch) + sample] * share) : default);
    }
}
