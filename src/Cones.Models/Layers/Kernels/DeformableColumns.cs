using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cones.Models.Native;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// Gathers what a modulated deformable 3 x 3 convolution reads around each output pixel, so that it becomes one matrix
/// product; and back. Maps are channels-last.
/// </summary>
/// <param name="batch">B.</param>
/// <param name="height">Rows of the input.</param>
/// <param name="width">Columns of the input.</param>
/// <param name="channels">Channels of the input, a multiple of 8.</param>
/// <param name="outHeight">Rows of the output.</param>
/// <param name="outWidth">Columns of the output.</param>
/// <param name="stride">Input pixels from one output pixel to the next; the padding is 1.</param>
sealed unsafe class DeformableColumns(long batch, long height, long width, long channels, long outHeight, long outWidth, long stride)
{
    /// <summary>Taps of the kernel.</summary>
    public const int Taps = Side * Side;

    /// <summary>Taps on a side of the kernel.</summary>
    public const int Side = 3;

    const int Lanes = 8;
    const int WideSlice = 32;

    readonly long _outPixels = outHeight * outWidth;

    /// <summary>Channels of a slice of the input's gradient: a divisor of C.</summary>
    public long SliceChannels { get; } = channels % WideSlice == 0 ? WideSlice : channels % 16 == 0 ? 16 : Lanes;

    /// <summary>Writes columns [rows, 9 C] for output pixels, counted through samples.</summary>
    /// <param name="x">[B, H, W, C].</param>
    /// <param name="offset">[B, 18, H', W']: for each tap the shift down, then right.</param>
    /// <param name="mask">[B, 9, H', W'].</param>
    /// <param name="zeros">C zeros.</param>
    /// <param name="columns">[rows, 9 C].</param>
    /// <param name="first">The first output pixel.</param>
    /// <param name="rows">The number of output pixels.</param>
    public void Gather(float* x, float* offset, float* mask, float* zeros, float* columns, long first, long rows) =>
        ParallelRange.Run(rows, Math.Max(1, 16384 / (Taps * channels)), (from, to) =>
            GatherHere(x, offset, mask, zeros, columns + (from * Taps * channels), first + from, to - from));

    /// <summary>As <see cref="Gather"/>, on the calling thread.</summary>
    public void GatherHere(float* x, float* offset, float* mask, float* zeros, float* columns, long first, long rows)
    {
        for (var row = 0L; row < rows; row++) GatherPixel(x, offset, mask, zeros, columns + (row * Taps * channels), first + row);
    }

    /// <summary>The gradients of offsets and masks that follow from those of some columns, on the calling thread.</summary>
    /// <param name="x">As in <see cref="Gather"/>.</param>
    /// <param name="offset">As in <see cref="Gather"/>.</param>
    /// <param name="mask">As in <see cref="Gather"/>.</param>
    /// <param name="zeros">C zeros.</param>
    /// <param name="gradColumns">[rows, 9 C].</param>
    /// <param name="points">Room for 9 points a row, for <see cref="ScatterToPixels"/>.</param>
    /// <param name="gradOffset">[B, 18, H', W']: written.</param>
    /// <param name="gradMask">[B, 9, H', W']: written.</param>
    /// <param name="first">The first output pixel.</param>
    /// <param name="rows">The number of output pixels.</param>
    public void ScatterToPointsHere(
        float* x, float* offset, float* mask, float* zeros, float* gradColumns, BilinearPoint* points, float* gradOffset, float* gradMask, long first, long rows)
    {
        for (var row = 0L; row < rows; row++)
            ScatterToPoints(x, offset, mask, zeros, gradColumns + (row * Taps * channels), points + (row * Taps), gradOffset, gradMask, first + row);
    }

    /// <summary>The gradients that follow from those of some columns.</summary>
    /// <param name="x">As in <see cref="Gather"/>.</param>
    /// <param name="offset">As in <see cref="Gather"/>.</param>
    /// <param name="mask">As in <see cref="Gather"/>.</param>
    /// <param name="zeros">C zeros.</param>
    /// <param name="gradColumns">[rows, 9 C].</param>
    /// <param name="points">Room for 9 points a row.</param>
    /// <param name="gradX">[C / slice, B, H, W, slice]: added to; or null. Within a slice neighbouring pixels stay in the cache.</param>
    /// <param name="gradOffset">[B, 18, H', W']: written.</param>
    /// <param name="gradMask">[B, 9, H', W']: written.</param>
    /// <param name="first">The first output pixel.</param>
    /// <param name="rows">The number of output pixels.</param>
    public void Scatter(
        float* x, float* offset, float* mask, float* zeros, float* gradColumns, BilinearPoint* points,
        float* gradX, float* gradOffset, float* gradMask, long first, long rows)
    {
        ParallelRange.Run(rows, Math.Max(1, 16384 / (Taps * channels)), (from, to) =>
            ScatterToPointsHere(x, offset, mask, zeros, gradColumns + (from * Taps * channels), points + (from * Taps), gradOffset, gradMask, first + from, to - from));
        if (gradX != null) ScatterToPixels(mask, gradColumns, points, gradX, first, rows);
    }

    /// <summary>The input's gradients that follow from those of some columns.</summary>
    /// <param name="mask">As in <see cref="Gather"/>.</param>
    /// <param name="gradColumns">[rows, 9 C].</param>
    /// <param name="points">Their points.</param>
    /// <param name="gradX">[C / slice, B, H, W, slice]: added to.</param>
    /// <param name="first">The first output pixel.</param>
    /// <param name="rows">The number of output pixels.</param>
    public void ScatterToPixels(float* mask, float* gradColumns, BilinearPoint* points, float* gradX, long first, long rows)
    {
        // Columns add to pixels anywhere, but within a slice.
        ParallelRange.Run(channels / SliceChannels, 1, (from, to) =>
        {
            for (var slice = from; slice < to; slice++) ScatterSlice(mask, gradColumns, points, gradX, first, rows, slice);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void GatherPixel(float* x, float* offset, float* mask, float* zeros, float* target, long row)
    {
        BilinearPoint point = default;
        var (sample, pixel) = Math.DivRem(row, _outPixels);
        var map = x + (sample * height * width * channels);
        var count = channels;
        for (var tap = 0; tap < Taps; tap++, target += count)
        {
            if (!Locate(ref point, offset, sample, pixel, tap))
            {
                new Span<float>(target, (int)count).Clear();
                continue;
            }

            var shares = point.Shares(mask[(((sample * Taps) + tap) * _outPixels) + pixel]);
            float* topLeft = At(map, point.TopLeft, zeros), topRight = At(map, point.TopRight, zeros);
            float* bottomLeft = At(map, point.BottomLeft, zeros), bottomRight = At(map, point.BottomRight, zeros);
            var (a, b, c, d) = (Vector256.Create(shares.TopLeft), Vector256.Create(shares.TopRight), Vector256.Create(shares.BottomLeft), Vector256.Create(shares.BottomRight));
            for (var i = 0L; i < count; i += Lanes)
            {
                var upper = Vector256.FusedMultiplyAdd(b, Vector256.Load(topRight + i), a * Vector256.Load(topLeft + i));
                var lower = Vector256.FusedMultiplyAdd(d, Vector256.Load(bottomRight + i), c * Vector256.Load(bottomLeft + i));
                (upper + lower).Store(target + i);
            }
        }
    }

    // One output pixel's gradients of offsets and masks; keeps its points.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void ScatterToPoints(float* x, float* offset, float* mask, float* zeros, float* source, BilinearPoint* points, float* gradOffset, float* gradMask, long row)
    {
        var (sample, pixel) = Math.DivRem(row, _outPixels);
        var map = x + (sample * height * width * channels);
        var count = channels;
        for (var tap = 0; tap < Taps; tap++, source += count)
        {
            ref var point = ref points[tap];
            var at = (((sample * Taps) + tap) * _outPixels) + pixel;
            var down = (((sample * 2 * Taps) + (2 * tap)) * _outPixels) + pixel;
            if (!Locate(ref point, offset, sample, pixel, tap))
            {
                gradMask[at] = gradOffset[down] = gradOffset[down + _outPixels] = 0;
                continue;
            }

            float* topLeft = At(map, point.TopLeft, zeros), topRight = At(map, point.TopRight, zeros);
            float* bottomLeft = At(map, point.BottomLeft, zeros), bottomRight = At(map, point.BottomRight, zeros);
            Vector256<float> a = default, b = default, c = default, d = default;
            for (var i = 0L; i < count; i += Lanes)
            {
                var gradient = Vector256.Load(source + i);
                a = Vector256.FusedMultiplyAdd(gradient, Vector256.Load(topLeft + i), a);
                b = Vector256.FusedMultiplyAdd(gradient, Vector256.Load(topRight + i), b);
                c = Vector256.FusedMultiplyAdd(gradient, Vector256.Load(bottomLeft + i), c);
                d = Vector256.FusedMultiplyAdd(gradient, Vector256.Load(bottomRight + i), d);
            }

            var sums = VectorSums.Of(a, b, c, d);
            var (value, byRow, byColumn) = point.Derivatives(sums[0], sums[1], sums[2], sums[3]);
            gradMask[at] = value;
            gradOffset[down] = byRow * mask[at];
            gradOffset[down + _outPixels] = byColumn * mask[at];
        }
    }

    // One slice of the pixels' gradients.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void ScatterSlice(float* mask, float* gradColumns, BilinearPoint* points, float* gradX, long first, long rows, long slice)
    {
        var (count, pixels) = (SliceChannels, height * width);
        var samples = gradX + (slice * batch * pixels * count);
        for (var row = 0L; row < rows; row++)
        {
            var (sample, pixel) = Math.DivRem(first + row, _outPixels);
            var map = samples + (sample * pixels * count);
            for (var tap = 0; tap < Taps; tap++)
            {
                var at = (row * Taps) + tap;
                ref var point = ref points[at];
                var source = gradColumns + (at * channels) + (slice * count);
                var shares = point.Shares(mask[(((sample * Taps) + tap) * _outPixels) + pixel]);
                if (count == WideSlice && Vector512.IsHardwareAccelerated)
                {
                    Vector512<float> left = Vector512.Load(source), right = Vector512.Load(source + 16);
                    if (point.TopLeft >= 0) Add(map + (point.TopLeft * WideSlice), left, right, shares.TopLeft);
                    if (point.TopRight >= 0) Add(map + (point.TopRight * WideSlice), left, right, shares.TopRight);
                    if (point.BottomLeft >= 0) Add(map + (point.BottomLeft * WideSlice), left, right, shares.BottomLeft);
                    if (point.BottomRight >= 0) Add(map + (point.BottomRight * WideSlice), left, right, shares.BottomRight);
                    continue;
                }

                if (point.TopLeft >= 0) Add(map + (point.TopLeft * count), source, shares.TopLeft, count);
                if (point.TopRight >= 0) Add(map + (point.TopRight * count), source, shares.TopRight, count);
                if (point.BottomLeft >= 0) Add(map + (point.BottomLeft * count), source, shares.BottomLeft, count);
                if (point.BottomRight >= 0) Add(map + (point.BottomRight * count), source, shares.BottomRight, count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(float* target, Vector512<float> left, Vector512<float> right, float factor)
    {
        var f = Vector512.Create(factor);
        Vector512.FusedMultiplyAdd(f, left, Vector512.Load(target)).Store(target);
        Vector512.FusedMultiplyAdd(f, right, Vector512.Load(target + 16)).Store(target + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(float* target, float* source, float factor, long count)
    {
        var f = Vector256.Create(factor);
        for (var i = 0L; i < count; i += Lanes) Vector256.FusedMultiplyAdd(f, Vector256.Load(source + i), Vector256.Load(target + i)).Store(target + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    float* At(float* map, int pixel, float* outside) => pixel < 0 ? outside : map + (pixel * channels);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool Locate(ref BilinearPoint point, float* offset, long sample, long pixel, int tap)
    {
        var (row, column) = Math.DivRem(pixel, outWidth);
        var shift = offset + (((sample * 2 * Taps) + (2 * tap)) * _outPixels) + pixel;
        return point.Locate((row * stride) - 1 + (tap / Side) + shift[0], (column * stride) - 1 + (tap % Side) + shift[_outPixels], (int)height, (int)width);
    }
}

/// <summary>Horizontal sums.</summary>
static class VectorSums
{
    /// <summary>The sum of the lanes of each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Of(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        var both = Avx.HorizontalAdd(Avx.HorizontalAdd(a, b), Avx.HorizontalAdd(c, d));
        return both.GetLower() + both.GetUpper();
    }
}
