using System.Runtime.Intrinsics;
using Cones.Models.Native;
using static Cones.Models.Layers.Kernels.VectorFunctions;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// Group normalisation of [B, N, C] (pixels before channels), with or without a SiLU after it, in one pass over the memory
/// for the moments and one for the result.
/// </summary>
/// <param name="batch">B.</param>
/// <param name="pixels">N.</param>
/// <param name="channels">C, a multiple of 8.</param>
/// <param name="groups">The groups; they divide C.</param>
/// <param name="silu">Whether SiLU follows.</param>
sealed unsafe class GroupNormKernel(long batch, long pixels, long channels, long groups, bool silu)
{
    // Sums run in float32 over this many pixels and in float64 beyond.
    const int Block = 64;
    const int Lanes = 8;

    readonly long _blocks = (pixels + Block - 1) / Block;
    readonly long _groupSize = channels / groups;

    /// <summary>Writes y and, for the backward pass, mean and 1/deviation of every group, [B, 2, groups].</summary>
    public void Forward(float* x, float* weight, float* bias, double eps, float* y, float* moments)
    {
        // Squares of differences from a value close to the mean do not cancel.
        var centers = new float[batch * channels];
        for (var b = 0L; b < batch; b++)
            for (var g = 0L; g < groups; g++)
            {
                var center = 0f;
                for (var c = 0L; c < _groupSize; c++) center += x[(b * pixels * channels) + (g * _groupSize) + c];
                centers.AsSpan((int)((b * channels) + (g * _groupSize)), (int)_groupSize).Fill(center / _groupSize);
            }

        var sums = SumBlocks(null, null, (b, from, to, first, second) =>
        {
            fixed (float* center = &centers[b * channels])
                for (var n = from; n < to; n++)
                {
                    var row = x + (((b * pixels) + n) * channels);
                    for (var c = 0L; c < channels; c += Lanes)
                    {
                        var d = Vector256.Load(row + c) - Vector256.Load(center + c);
                        (Vector256.Load(first + c) + d).Store(first + c);
                        Vector256.FusedMultiplyAdd(d, d, Vector256.Load(second + c)).Store(second + c);
                    }
                }
        });

        var scales = new float[batch * channels];
        var shifts = new float[batch * channels];
        var count = (double)(pixels * _groupSize);
        for (var b = 0L; b < batch; b++)
            for (var g = 0L; g < groups; g++)
            {
                var (sum, square) = Reduce(sums, b, g);
                var offset = sum / count;
                var mean = centers[(b * channels) + (g * _groupSize)] + offset;
                var inverse = 1 / Math.Sqrt(Math.Max((square / count) - (offset * offset), 0) + eps);
                moments[(b * 2 * groups) + g] = (float)mean;
                moments[(((b * 2) + 1) * groups) + g] = (float)inverse;
                for (var c = g * _groupSize; c < (g + 1) * _groupSize; c++)
                {
                    scales[(b * channels) + c] = (float)(inverse * weight[c]);
                    shifts[(b * channels) + c] = (float)(bias[c] - (mean * inverse * weight[c]));
                }
            }

        ParallelRange.Run(batch * pixels, Grain, (from, to) =>
        {
            for (var row = from; row < to; row++)
                fixed (float* scale = &scales[row / pixels * channels], shift = &shifts[row / pixels * channels])
                    for (var c = 0L; c < channels; c += Lanes)
                    {
                        var z = Vector256.FusedMultiplyAdd(Vector256.Load(x + (row * channels) + c), Vector256.Load(scale + c), Vector256.Load(shift + c));
                        (silu ? z * Sigmoid(z) : z).Store(y + (row * channels) + c);
                    }
        });
    }

    /// <summary>Writes the gradient with respect to x, given that with respect to y; and those of the weights, [C], where they are not null.</summary>
    public void Backward(float* x, float* gradY, float* weight, float* bias, float* moments, float* gradX, float* gradWeight = null, float* gradBias = null)
    {
        var (means, scales, shifts) = (new float[batch * channels], new float[batch * channels], new float[batch * channels]);
        for (var b = 0L; b < batch; b++)
            for (var c = 0L; c < channels; c++)
            {
                var mean = moments[(b * 2 * groups) + (c / _groupSize)];
                var inverse = moments[(((b * 2) + 1) * groups) + (c / _groupSize)];
                means[(b * channels) + c] = mean;
                scales[(b * channels) + c] = inverse * weight[c];
                shifts[(b * channels) + c] = (float)(bias[c] - ((double)mean * inverse * weight[c]));
            }

        // The gradient before the activation goes to gradX; its sum and its product with x - mean go to the moments.
        var channelSums = gradWeight == null && gradBias == null ? null : new float[batch * _blocks * 2 * channels];
        var sums = SumBlocks(weight, channelSums, (b, from, to, first, second) =>
        {
            fixed (float* mean = &means[b * channels], scale = &scales[b * channels], shift = &shifts[b * channels])
                for (var n = from; n < to; n++)
                {
                    var row = ((b * pixels) + n) * channels;
                    for (var c = 0L; c < channels; c += Lanes)
                    {
                        var value = Vector256.Load(x + row + c);
                        var gradient = Vector256.Load(gradY + row + c);
                        if (silu)
                        {
                            var z = Vector256.FusedMultiplyAdd(value, Vector256.Load(scale + c), Vector256.Load(shift + c));
                            var sigmoid = Sigmoid(z);
                            gradient *= Vector256.FusedMultiplyAdd(z, sigmoid * (Vector256<float>.One - sigmoid), sigmoid);
                        }

                        gradient.Store(gradX + row + c);
                        (Vector256.Load(first + c) + gradient).Store(first + c);
                        Vector256.FusedMultiplyAdd(gradient, value - Vector256.Load(mean + c), Vector256.Load(second + c)).Store(second + c);
                    }
                }
        });

        if (channelSums is not null) ReduceWeights(channelSums, moments, gradWeight, gradBias);
        var (slopes, offsets) = (new float[batch * channels], new float[batch * channels]);
        var count = (double)(pixels * _groupSize);
        for (var b = 0L; b < batch; b++)
            for (var g = 0L; g < groups; g++)
            {
                var (sum, product) = Reduce(sums, b, g);
                double mean = moments[(b * 2 * groups) + g], inverse = moments[(((b * 2) + 1) * groups) + g];
                var slope = -product * inverse * inverse * inverse / count;
                slopes.AsSpan((int)((b * channels) + (g * _groupSize)), (int)_groupSize).Fill((float)slope);
                offsets.AsSpan((int)((b * channels) + (g * _groupSize)), (int)_groupSize).Fill((float)(-(sum * inverse / count)));
            }

        ParallelRange.Run(batch * pixels, Grain, (from, to) =>
        {
            for (var row = from; row < to; row++)
            {
                var first = row / pixels * channels;
                fixed (float* mean = &means[first], scale = &scales[first], slope = &slopes[first], offset = &offsets[first])
                    for (var c = 0L; c < channels; c += Lanes)
                    {
                        var at = (row * channels) + c;
                        var rest = Vector256.FusedMultiplyAdd(Vector256.Load(slope + c), Vector256.Load(x + at) - Vector256.Load(mean + c), Vector256.Load(offset + c));
                        Vector256.FusedMultiplyAdd(Vector256.Load(scale + c), Vector256.Load(gradX + at), rest).Store(gradX + at);
                    }
            }
        });
    }

    // About 16 k elements a part.
    long Grain => Math.Max(1, 16384 / channels);

    delegate void BlockSum(long sample, long from, long to, float* first, float* second);

    // Two sums a group for each block of pixels, a channel's share times its weight where there are weights: [B, blocks, 2, groups].
    // The channels' own sums, [B, blocks, 2, C], are kept where they are wanted.
    double[] SumBlocks(float* weight, float[]? channelSums, BlockSum body)
    {
        var sums = new double[batch * _blocks * 2 * groups];
        ParallelRange.Run(batch * _blocks, Math.Max(1, Grain / Block), (from, to) =>
        {
            var partial = new float[2 * channels];
            for (var block = from; block < to; block++)
            {
                Array.Clear(partial);
                var start = block % _blocks * Block;
                fixed (float* p = partial) body(block / _blocks, start, Math.Min(start + Block, pixels), p, p + channels);
                if (channelSums is not null) partial.CopyTo(channelSums.AsSpan((int)(block * 2 * channels)));
                for (var i = 0; i < partial.Length; i++)
                {
                    var channel = i % channels;
                    var factor = weight == null ? 1.0 : weight[channel];
                    sums[(((block * 2) + (i / channels)) * groups) + (channel / _groupSize)] += partial[i] * factor;
                }
            }
        });
        return sums;
    }

    // The bias's gradient is the sum over samples and pixels, the weight's the product with the normalised input.
    void ReduceWeights(float[] channelSums, float* moments, float* gradWeight, float* gradBias)
    {
        var (first, second) = (new double[channels], new double[channels]);
        for (var block = 0L; block < batch * _blocks; block++)
            for (var c = 0L; c < channels; c++)
            {
                first[c] += channelSums[(block * 2 * channels) + c];
                second[c] += channelSums[(((block * 2) + 1) * channels) + c] * (double)moments[(((block / _blocks * 2) + 1) * groups) + (c / _groupSize)];
            }

        for (var c = 0L; c < channels; c++)
        {
            if (gradBias != null) gradBias[c] = (float)first[c];
            if (gradWeight != null) gradWeight[c] = (float)second[c];
        }
    }

    (double First, double Second) Reduce(double[] sums, long sample, long group)
    {
        double first = 0, second = 0;
        for (var block = sample * _blocks; block < (sample + 1) * _blocks; block++)
        {
            first += sums[(block * 2 * groups) + group];
            second += sums[(((block * 2) + 1) * groups) + group];
        }

        return (first, second);
    }
}
