using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Layers.Kernels.Attention;

/// <summary>Softmax attention block by block: no matrix of all scores is ever made.</summary>
/// <remarks>The online softmax of FlashAttention (arXiv 2205.14135), with logarithms to base 2.</remarks>
static unsafe class AttentionForward
{
    const int Lanes = 16;

    /// <summary>Writes the result and what the backward pass needs of the softmax.</summary>
    /// <param name="q">[B, Nq, H, d].</param>
    /// <param name="k">[B, Nk, H, d].</param>
    /// <param name="v">[B, Nk, H, d].</param>
    /// <param name="result">[B, Nq, H, d].</param>
    /// <param name="logSums">[B, H, Nq]: the base-2 logarithm of each query's sum of exponentials.</param>
    /// <param name="shape">The sizes.</param>
    public static void Run(float* q, float* k, float* v, float* result, float* logSums, AttentionShape shape)
    {
        var blocks = (shape.Queries + ScoreBlock.Queries - 1) / ScoreBlock.Queries;
        ParallelRange.Each(shape.Batch * shape.Heads * blocks, task =>
        {
            var first = task % blocks * ScoreBlock.Queries;
            var head = task / blocks % shape.Heads;
            var sample = task / blocks / shape.Heads;
            var offset = head * shape.HeadDim;
            var queryOffset = (((sample * shape.Queries) + first) * shape.Stride) + offset;
            var keyOffset = (sample * shape.Keys * shape.Stride) + offset;
            Block(
                q + queryOffset, k + keyOffset, v + keyOffset, result + queryOffset, logSums + (((sample * shape.Heads) + head) * shape.Queries) + first,
                (int)Math.Min(ScoreBlock.Queries, shape.Queries - first), shape);
        });
    }

    static void Block(float* q, float* k, float* v, float* result, float* logSums, int queries, AttentionShape shape)
    {
        const int width = ScoreBlock.Queries;
        var dim = shape.HeadDim;
        using var memory = new Workspace((2 * dim * width) + (ScoreBlock.Keys * width) + (2 * width));
        float* columns = memory.Take(dim * width), sums = memory.Take(dim * width), scores = memory.Take(ScoreBlock.Keys * width);
        float* largest = memory.Take(width), total = memory.Take(width);
        ScoreBlock.PackColumns(q, shape.Stride, columns, dim, queries, (float)(shape.Scale / Math.Log(2)));
        new Span<float>(sums, (int)(dim * width)).Clear();
        new Span<float>(total, width).Clear();
        new Span<float>(largest, width).Fill(float.NegativeInfinity);

        for (var first = 0L; first < shape.Keys; first += ScoreBlock.Keys)
        {
            var keys = (int)Math.Min(ScoreBlock.Keys, shape.Keys - first);
            ScoreBlock.Multiply(k + (first * shape.Stride), shape.Stride, columns, scores, dim, keys);
            Softmax(scores, keys, largest, total, sums, dim);
            ScoreBlock.AddTransposed(v + (first * shape.Stride), shape.Stride, scores, sums, dim, keys);
        }

        for (var lane = 0; lane < width; lane += Lanes)
        {
            var factor = Vector512<float>.One / Vector512.Load(total + lane);
            for (var i = 0L; i < dim; i++)
            {
                var at = sums + (i * width) + lane;
                (Vector512.Load(at) * factor).Store(at);
            }
        }

        ScoreBlock.UnpackColumns(sums, result, shape.Stride, dim, queries);
        for (var query = 0; query < queries; query++) logSums[query] = largest[query] + MathF.Log2(total[query]);
    }

    // Scores become exponentials relative to the largest score so far; sums and totals made before are brought to that scale.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Softmax(float* scores, int keys, float* largest, float* total, float* sums, long dim)
    {
        const int width = ScoreBlock.Queries;
        for (var lane = 0; lane < width; lane += Lanes)
        {
            var before = Vector512.Load(largest + lane);
            var now = before;
            for (var key = 0; key < keys; key++) now = Vector512.Max(now, Vector512.Load(scores + (key * width) + lane));
            now.Store(largest + lane);
            var shrink = ScoreBlock.Exp2(before - now);
            var sum = Vector512.Load(total + lane) * shrink;
            for (var key = 0; key < keys; key++)
            {
                var at = scores + (key * width) + lane;
                var weight = ScoreBlock.Exp2(Vector512.Load(at) - now);
                weight.Store(at);
                sum += weight;
            }

            sum.Store(total + lane);
            if (shrink == Vector512<float>.One) continue;
            for (var i = 0L; i < dim; i++)
            {
                var at = sums + (i * width) + lane;
                (Vector512.Load(at) * shrink).Store(at);
            }
        }
    }
}
