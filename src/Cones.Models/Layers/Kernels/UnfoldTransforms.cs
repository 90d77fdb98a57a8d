using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Layers.Kernels;

/// <summary>Gathers the 3 x 3 neighbourhoods of all pixels, so that a convolution becomes one matrix product; and back.</summary>
static unsafe class UnfoldTransforms
{
    const int Side = 3;
    const int Taps = Side * Side;
    const int Lanes = 8;

    /// <summary>Copies x [B, H, W, C] to columns [B H W, 9 C]; pixels beyond the border are zero.</summary>
    public static void Unfold(float* x, float* columns, long batch, (long Height, long Width, long Channels) size)
    {
        var (height, width, channels) = size;
        ParallelRange.Run(batch * height * width, Grain(channels), (from, to) =>
        {
            for (var n = from; n < to; n++)
            {
                long row = n / width % height, column = n % width;
                for (var i = 0; i < Side; i++)
                    for (var j = 0; j < Side; j++)
                    {
                        var target = new Span<float>(columns + (((n * Taps) + (i * Side) + j) * channels), (int)channels);
                        var inside = row + i >= 1 && row + i <= height && column + j >= 1 && column + j <= width;
                        if (inside) new Span<float>(x + ((n + ((i - 1) * width) + j - 1) * channels), (int)channels).CopyTo(target);
                        else target.Clear();
                    }
            }
        });
    }

    /// <summary>The transposed map: sums columns [B H W, 9 C] into x [B, H, W, C]; C a multiple of 8.</summary>
    public static void Fold(float* columns, float* x, long batch, (long Height, long Width, long Channels) size)
    {
        var (height, width, channels) = size;
        ParallelRange.Run(batch * height * width, Grain(channels), (from, to) =>
        {
            var sources = stackalloc float*[Taps];
            for (var n = from; n < to; n++)
            {
                // The pixels whose neighbourhood holds this one.
                long row = n / width % height, column = n % width;
                var count = 0;
                for (var i = 0; i < Side; i++)
                    for (var j = 0; j < Side; j++)
                        if (row - i >= -1 && row - i < height - 1 && column - j >= -1 && column - j < width - 1)
                            sources[count++] = columns + (((((n + ((1 - i) * width) + 1 - j) * Taps) + (i * Side) + j) * channels));
                for (var c = 0L; c < channels; c += Lanes)
                {
                    var sum = Vector256<float>.Zero;
                    for (var k = 0; k < count; k++) sum += Vector256.Load(sources[k] + c);
                    sum.Store(x + (n * channels) + c);
                }
            }
        });
    }

    /// <summary>Adds a bias [C], a vector for each sample [B, C] and a map [B, N, C] to y [B, N, C], whichever there are.</summary>
    public static void AddTo(float* y, float* bias, float* perSample, float* residual, long batch, long pixels, long channels)
    {
        ParallelRange.Run(batch * pixels, Math.Max(1, 16384 / channels), (from, to) =>
        {
            for (var n = from; n < to; n++)
                for (var c = 0L; c < channels; c += Lanes)
                {
                    var value = Vector256.Load(y + (n * channels) + c);
                    if (bias != null) value += Vector256.Load(bias + c);
                    if (perSample != null) value += Vector256.Load(perSample + (n / pixels * channels) + c);
                    if (residual != null) value += Vector256.Load(residual + (n * channels) + c);
                    value.Store(y + (n * channels) + c);
                }
        });
    }

    static long Grain(long channels) => Math.Max(1, 16384 / (Taps * channels));
}
