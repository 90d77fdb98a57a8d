using System.Runtime.Intrinsics;
using Cones.Models.Layers.Kernels;
using Cones.Models.Native;

namespace Cones.Models.Sam.Encoder;

/// <summary>
/// Turns attention scores into probabilities in place: adds the relative positions of rows and columns and takes the softmax over
/// the keys, in one pass over the memory.
/// </summary>
/// <param name="height">Rows of the grid of keys.</param>
/// <param name="width">Columns of the grid of keys.</param>
/// <param name="scale">The factor of the scores.</param>
sealed unsafe class RelativeSoftmaxKernel(int height, int width, float scale)
{
    const int Lanes = 8;

    readonly int _keys = height * width;

    /// <summary>Replaces scores by probabilities.</summary>
    /// <param name="scores">[rows, height · width].</param>
    /// <param name="vertical">What each query adds to each row of keys, [rows, height].</param>
    /// <param name="horizontal">What each query adds to each column of keys, [rows, width].</param>
    /// <param name="rows">The number of queries.</param>
    public void Run(float* scores, float* vertical, float* horizontal, long rows) =>
        ParallelRange.Run(rows, 8, (from, to) =>
        {
            var buffer = new float[_keys];
            fixed (float* logits = buffer)
                for (var row = from; row < to; row++)
                {
                    var max = Logits(scores + (row * _keys), vertical + (row * height), horizontal + (row * width), logits);
                    Softmax(logits, max, scores + (row * _keys));
                }
        });

    // Where the width is no multiple of the vector, the last vector of a row overlaps the one before: what it writes again is the same.
    float Logits(float* scores, float* vertical, float* horizontal, float* logits)
    {
        var factor = Vector256.Create(scale);
        var most = Vector256.Create(float.NegativeInfinity);
        var max = float.NegativeInfinity;
        for (var y = 0; y < height; y++)
        {
            var shift = Vector256.Create(vertical[y]);
            var row = y * width;
            if (width < Lanes)
            {
                for (var x = 0; x < width; x++)
                    max = Math.Max(max, logits[row + x] = MathF.FusedMultiplyAdd(scores[row + x], scale, vertical[y] + horizontal[x]));
                continue;
            }

            for (var x = 0; x < width; x += Lanes)
            {
                var at = Math.Min(x, width - Lanes);
                var logit = Vector256.FusedMultiplyAdd(Vector256.Load(scores + row + at), factor, shift + Vector256.Load(horizontal + at));
                logit.Store(logits + row + at);
                most = Vector256.Max(most, logit);
            }
        }

        for (var i = 0; i < Lanes; i++) max = Math.Max(max, most[i]);
        return max;
    }

    void Softmax(float* logits, float max, float* probabilities)
    {
        var shift = Vector256.Create(max);
        var sums = Vector256<float>.Zero;
        var whole = _keys - (_keys % Lanes);
        for (var i = 0; i < whole; i += Lanes)
        {
            var e = VectorFunctions.Exp(Vector256.Load(logits + i) - shift);
            e.Store(probabilities + i);
            sums += e;
        }

        var sum = Vector256.Sum(sums);
        for (var i = whole; i < _keys; i++) sum += probabilities[i] = MathF.Exp(logits[i] - max);

        var factor = Vector256.Create(1 / sum);
        for (var i = 0; i < whole; i += Lanes) (Vector256.Load(probabilities + i) * factor).Store(probabilities + i);
        for (var i = whole; i < _keys; i++) probabilities[i] /= sum;
    }
}
