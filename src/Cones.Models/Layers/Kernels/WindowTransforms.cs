using System.Runtime.Intrinsics;
using Cones.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers.Kernels;

/// <summary>Moves tokens between a map and the square windows it is cut into: padded right and below, rolled by a shift, cut.</summary>
/// <param name="height">Rows of the map.</param>
/// <param name="width">Columns of the map.</param>
/// <param name="side">A window's side.</param>
/// <param name="shift">How far the map is rolled up and left.</param>
/// <param name="channels">C, a multiple of 8.</param>
sealed unsafe class WindowTransforms(long height, long width, long side, long shift, long channels)
{
    const int Lanes = 8;

    readonly long _rows = (height + side - 1) / side;
    readonly long _columns = (width + side - 1) / side;

    /// <summary>Copies some windows out of a map; tokens beyond it are zeros.</summary>
    /// <param name="x">[B, H, W, C], float32 on the CPU and contiguous, as all tensors here.</param>
    /// <param name="windows">[count, side², C].</param>
    /// <param name="first">The first window, counted through rows, columns and samples.</param>
    /// <param name="count">The number of windows.</param>
    public void Gather(Tensor x, Tensor windows, long first, long count) => Gather(TensorMemory.Pointer(x), TensorMemory.Pointer(windows), first, count);

    /// <summary>Adds some windows to a map; tokens beyond it are dropped.</summary>
    /// <param name="windows">[count, side², C].</param>
    /// <param name="y">[B, H, W, C].</param>
    /// <param name="first">The first window.</param>
    /// <param name="count">The number of windows.</param>
    public void AddTo(Tensor windows, Tensor y, long first, long count) => AddTo(TensorMemory.Pointer(windows), TensorMemory.Pointer(y), first, count);

    void Gather(float* x, float* windows, long first, long count)
    {
        ParallelRange.Run(count * side * side, Grain, (from, to) =>
        {
            for (var token = from; token < to; token++)
            {
                var target = new Span<float>(windows + (token * channels), (int)channels);
                var place = PlaceOf(first, token);
                if (place < 0) target.Clear();
                else new Span<float>(x + (place * channels), (int)channels).CopyTo(target);
            }
        });
    }

    void AddTo(float* windows, float* y, long first, long count)
    {
        ParallelRange.Run(count * side * side, Grain, (from, to) =>
        {
            for (var token = from; token < to; token++)
            {
                var place = PlaceOf(first, token);
                if (place < 0) continue;
                float* source = windows + (token * channels), target = y + (place * channels);
                for (var c = 0L; c < channels; c += Lanes) (Vector256.Load(target + c) + Vector256.Load(source + c)).Store(target + c);
            }
        });
    }

    long Grain => Math.Max(1, 16384 / channels);

    // Where a window's token lies in [B, H, W], or -1 where it is padding.
    long PlaceOf(long firstWindow, long token)
    {
        var (window, inner) = Math.DivRem(token, side * side);
        var (sample, n) = Math.DivRem(firstWindow + window, _rows * _columns);
        var row = ((n / _columns * side) + (inner / side) + shift) % (_rows * side);
        var column = ((n % _columns * side) + (inner % side) + shift) % (_columns * side);
        return row < height && column < width ? (((sample * height) + row) * width) + column : -1;
    }
}
