using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// The adjoint of <see cref="WinogradTransforms.Output"/>: with it the gradient of the kernels is 36 matrix products too.
/// </summary>
static unsafe class WinogradAdjoint
{
    const int Lanes = 8;
    const int Tile = WinogradTransforms.Tile;
    const int Points = WinogradTransforms.Points;

    /// <summary>Transforms tiles of the output's gradient, A dY Aᵀ.</summary>
    /// <param name="gradY">[B, H, W, C]; C a multiple of 8.</param>
    /// <param name="m">[36, tiles, C]: the transformed tiles from <paramref name="first"/> on.</param>
    /// <param name="first">The first tile, counted through rows, columns and samples.</param>
    /// <param name="tiles">The number of tiles.</param>
    /// <param name="size">H, W and C.</param>
    public static void Output(float* gradY, float* m, long first, long tiles, (long Height, long Width, long Channels) size)
    {
        var (height, width, channels) = size;
        long rows = (height + Tile - 1) / Tile, columns = (width + Tile - 1) / Tile;
        ParallelRange.Run(tiles, 4, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (from, to) =>
        {
            var between = stackalloc Vector256<float>[Points * Tile];
            var line = stackalloc Vector256<float>[Points];
            var pixels = stackalloc float*[Tile * Tile];
            for (var t = from; t < to; t++)
            {
                var tile = first + t;
                var sample = gradY + (tile / (rows * columns) * height * width * channels);
                long top = tile / columns % rows * Tile, left = tile % columns * Tile;
                for (var i = 0; i < Tile; i++)
                    for (var j = 0; j < Tile; j++)
                        pixels[(i * Tile) + j] = top + i < height && left + j < width ? sample + ((((top + i) * width) + left + j) * channels) : null;

                for (var c = 0L; c < channels; c += Lanes)
                {
                    for (var j = 0; j < Tile; j++)
                        Spread(Load(pixels[j], c), Load(pixels[Tile + j], c), Load(pixels[(2 * Tile) + j], c), Load(pixels[(3 * Tile) + j], c), between + j, Tile);

                    var target = m + (t * channels) + c;
                    var stride = tiles * channels;
                    for (var i = 0; i < Points; i++)
                    {
                        var row = between + (i * Tile);
                        Spread(row[0], row[1], row[2], row[3], line, 1);
                        for (var j = 0; j < Points; j++) line[j].Store(target + (((i * Points) + j) * stride));
                    }
                }
            }
        });

        static Vector256<float> Load(float* pixel, long channel) => pixel == null ? Vector256<float>.Zero : Vector256.Load(pixel + channel);
    }

    // One column of A y.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Spread(Vector256<float> y0, Vector256<float> y1, Vector256<float> y2, Vector256<float> y3, Vector256<float>* result, int stride)
    {
        var evenA = Vector256.FusedMultiplyAdd(y2, Vector256.Create(WinogradTransforms.A2), y0);
        var oddA = Vector256.FusedMultiplyAdd(y3, Vector256.Create(WinogradTransforms.A3), y1 * WinogradTransforms.A);
        var evenB = Vector256.FusedMultiplyAdd(y2, Vector256.Create(WinogradTransforms.B2), y0);
        var oddB = Vector256.FusedMultiplyAdd(y3, Vector256.Create(WinogradTransforms.B3), y1 * WinogradTransforms.B);
        result[0] = y0;
        result[stride] = evenA + oddA;
        result[2 * stride] = evenA - oddA;
        result[3 * stride] = evenB + oddB;
        result[4 * stride] = evenB - oddB;
        result[5 * stride] = y3;
    }
}
