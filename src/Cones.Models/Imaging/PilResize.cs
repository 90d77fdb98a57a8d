using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cones.Models.Imaging;

/// <summary>Resizes 8-bit images exactly as Pillow up to version 12 does.</summary>
/// <remarks>
/// Two passes, first along the rows, then along the columns, each rounded to 8 bits; a pass that changes nothing is left
/// out. The filters widen when shrinking, which torch calls antialias. (Pillow 13 begins with the columns for some
/// shapes, which changes single pixels.)
/// </remarks>
public static class PilResize
{
    const int Half = 1 << (ResizeWeights.Precision - 1);

    /// <summary>Resizes interleaved pixels.</summary>
    /// <param name="pixels">width · height · channels bytes, row after row.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="toWidth">Columns of the result, at least 1.</param>
    /// <param name="toHeight">Rows of the result, at least 1.</param>
    /// <param name="filter">The filter.</param>
    /// <returns>The pixels of the result, in an array of their own.</returns>
    public static byte[] Resize(byte[] pixels, int width, int height, int channels, int toWidth, int toHeight, ResampleFilter filter)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        if (channels is not (1 or 3)) throw new ArgumentOutOfRangeException(nameof(channels), $"{channels} channels given, 1 or 3 expected");
        if (pixels.Length != RgbImage.ByteCount(width, height, channels))
            throw new ArgumentException($"{pixels.Length} bytes given, {width}x{height}x{channels} expected", nameof(pixels));
        RgbImage.ByteCount(toWidth, toHeight, channels);
        if (!Enum.IsDefined(filter)) throw new ArgumentOutOfRangeException(nameof(filter), $"{filter} is not one of Pillow's filters 0 to 5");

        if (width == toWidth && height == toHeight) return [.. pixels];
        if (filter == ResampleFilter.Nearest) return Nearest(pixels, width, height, channels, toWidth, toHeight);
        if (width == toWidth) return Columns(pixels, width * channels, 0, ResizeWeights.Create(height, toHeight, filter));
        var weightsX = ResizeWeights.Create(width, toWidth, filter);
        if (height == toHeight) return Rows(pixels, width, 0, height, channels, weightsX);

        // Only the rows that the second pass reads are needed.
        var weightsY = ResizeWeights.Create(height, toHeight, filter);
        var top = weightsY.First.Min();
        var bottom = weightsY.First.Zip(weightsY.Count, (first, count) => first + count).Max();
        var narrow = Rows(pixels, width, top, bottom - top, channels, weightsX);
        return Columns(narrow, toWidth * channels, top, weightsY);
    }

    static byte[] Nearest(byte[] pixels, int width, int height, int channels, int toWidth, int toHeight)
    {
        var columns = NearestIndices(width, toWidth);
        var rows = NearestIndices(height, toHeight);
        var result = new byte[toWidth * toHeight * channels];
        var to = 0;
        foreach (var y in rows)
            foreach (var x in columns)
                for (var c = 0; c < channels; c++)
                    result[to++] = pixels[(((y * width) + x) * channels) + c];
        return result;
    }

    // The coordinate is a running sum, as in Pillow: its rounding decides where it meets a whole number.
    static int[] NearestIndices(int from, int to)
    {
        var scale = (double)from / to;
        var position = scale * 0.5;
        var indices = new int[to];
        for (var i = 0; i < to; i++, position += scale) indices[i] = Math.Min(from - 1, (int)position);
        return indices;
    }

    static byte[] Rows(byte[] pixels, int width, int top, int rows, int channels, ResizeWeights weights)
    {
        var toWidth = weights.First.Length;
        var result = new byte[toWidth * rows * channels];
        var stride = width * channels;

        // Three channels are loaded as four bytes: the last pixel of the last row must have a byte behind it.
        var lastRow = new byte[stride + 1];
        for (var y = 0; y < rows; y++)
        {
            ReadOnlySpan<byte> row = pixels.AsSpan((top + y) * stride, stride);
            if (top + y == (pixels.Length / stride) - 1)
            {
                row.CopyTo(lastRow);
                row = lastRow;
            }

            var to = result.AsSpan(y * toWidth * channels, toWidth * channels);
            if (channels == 3) RowOf3(row, to, weights);
            else RowOf1(row, to, weights);
        }

        return result;
    }

    static void RowOf3(ReadOnlySpan<byte> row, Span<byte> to, ResizeWeights weights)
    {
        ref var source = ref MemoryMarshal.GetReference(row);
        ref var weight = ref MemoryMarshal.GetArrayDataReference(weights.Weights);
        for (int i = 0, at = 0; at < to.Length; i++, at += 3)
        {
            ref var pixel = ref Unsafe.Add(ref source, weights.First[i] * 3);
            ref var w = ref Unsafe.Add(ref weight, i * weights.Stride);
            var count = weights.Count[i];
            var even = Vector128.Create(Half);
            var odd = Vector128<int>.Zero;
            var k = 0;
            for (; k < count - 1; k += 2)
            {
                even += Pixel(ref Unsafe.Add(ref pixel, k * 3)) * Vector128.Create(Unsafe.Add(ref w, k));
                odd += Pixel(ref Unsafe.Add(ref pixel, (k + 1) * 3)) * Vector128.Create(Unsafe.Add(ref w, k + 1));
            }

            if (k < count) even += Pixel(ref Unsafe.Add(ref pixel, k * 3)) * Vector128.Create(Unsafe.Add(ref w, k));
            var value = Clip(even + odd);
            to[at + 2] = (byte)value.GetElement(2);
            to[at + 1] = (byte)value.GetElement(1);
            to[at] = (byte)value.GetElement(0);
        }
    }

    static void RowOf1(ReadOnlySpan<byte> row, Span<byte> to, ResizeWeights weights)
    {
        for (var i = 0; i < to.Length; i++)
        {
            var sum = Half;
            for (var k = 0; k < weights.Count[i]; k++) sum += row[weights.First[i] + k] * weights.Weights[(i * weights.Stride) + k];
            to[i] = (byte)Math.Clamp(sum >> ResizeWeights.Precision, 0, 255);
        }
    }

    // `top` is the source row that the first row of `pixels` holds.
    static byte[] Columns(byte[] pixels, int stride, int top, ResizeWeights weights)
    {
        var result = new byte[stride * weights.First.Length];
        ref var source = ref MemoryMarshal.GetArrayDataReference(pixels);
        ref var target = ref MemoryMarshal.GetArrayDataReference(result);
        for (var i = 0; i < weights.First.Length; i++)
        {
            var first = (weights.First[i] - top) * stride;
            var w = weights.Weights.AsSpan(i * weights.Stride, weights.Count[i]);
            var x = 0;
            for (; x <= stride - Vector128<byte>.Count; x += Vector128<byte>.Count)
            {
                Vector128<int> a = Vector128.Create(Half), b = a, c = a, d = a;
                for (var k = 0; k < w.Length; k++)
                {
                    var bytes = Vector128.LoadUnsafe(ref Unsafe.Add(ref source, first + (k * stride) + x));
                    var (low, high) = Vector128.Widen(bytes);
                    var factor = Vector128.Create(w[k]);
                    a += Vector128.WidenLower(low).AsInt32() * factor;
                    b += Vector128.WidenUpper(low).AsInt32() * factor;
                    c += Vector128.WidenLower(high).AsInt32() * factor;
                    d += Vector128.WidenUpper(high).AsInt32() * factor;
                }

                var narrow = Vector128.Narrow(
                    Vector128.Narrow(Clip(a), Clip(b)).AsUInt16(),
                    Vector128.Narrow(Clip(c), Clip(d)).AsUInt16());
                narrow.StoreUnsafe(ref Unsafe.Add(ref target, (i * stride) + x));
            }

            for (; x < stride; x++)
            {
                var sum = Half;
                for (var k = 0; k < w.Length; k++) sum += pixels[first + (k * stride) + x] * w[k];
                result[(i * stride) + x] = (byte)Math.Clamp(sum >> ResizeWeights.Precision, 0, 255);
            }
        }

        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Pixel(ref byte at)
    {
        var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref at)).AsByte();
        return Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Clip(Vector128<int> sum) =>
        Vector128.Min(Vector128.Max(sum >> ResizeWeights.Precision, Vector128<int>.Zero), Vector128.Create(255));
}
