using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Layers.Kernels.Attention;

/// <summary>The gradients of softmax attention; the weights are made again block by block.</summary>
static unsafe class AttentionBackward
{
    const int Lanes = 16;

    // A task takes the queries of a part of one head; parts have sums of their own, added up in the end.
    const int TasksPerThread = 4;

    /// <summary>What goes in and out; gradients as what they belong to.</summary>
    public struct Pointers
    {
        public float* Q, K, V, Result, LogSums, GradResult, GradQ, GradK, GradV;
    }

    /// <summary>Writes the three gradients.</summary>
    public static void Run(Pointers all, AttentionShape shape)
    {
        var blocks = (shape.Queries + ScoreBlock.Queries - 1) / ScoreBlock.Queries;
        var heads = shape.Batch * shape.Heads;
        var parts = Math.Clamp(TasksPerThread * TorchSharp.torch.get_num_threads() / heads, 1, blocks);
        var sumSize = shape.Keys * shape.PaddedDim;
        var sums = (float*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc((nuint)(heads * parts * 2 * sumSize * sizeof(float)), 64);
        try
        {
            ParallelRange.Each(heads * parts, task =>
            {
                var (head, part) = (task / parts, task % parts);
                var own = sums + (task * 2 * sumSize);
                new Span<float>(own, checked((int)(2 * sumSize))).Clear();
                for (var block = blocks * part / parts; block < blocks * (part + 1) / parts; block++)
                    Block(At(all, head, block * ScoreBlock.Queries, shape), own, own + sumSize, (int)Math.Min(ScoreBlock.Queries, shape.Queries - (block * ScoreBlock.Queries)), shape);
            });
            ParallelRange.Each(heads, head => AddParts(At(all, head, 0, shape), sums + (head * parts * 2 * sumSize), parts, sumSize, shape));
        }
        finally
        {
            System.Runtime.InteropServices.NativeMemory.AlignedFree(sums);
        }
    }

    static Pointers At(Pointers all, long head, long query, AttentionShape shape)
    {
        var (sample, offset) = (head / shape.Heads, head % shape.Heads * shape.HeadDim);
        var queryOffset = (((sample * shape.Queries) + query) * shape.Stride) + offset;
        var keyOffset = (sample * shape.Keys * shape.Stride) + offset;
        return new Pointers
        {
            Q = all.Q + queryOffset,
            Result = all.Result + queryOffset,
            GradResult = all.GradResult + queryOffset,
            GradQ = all.GradQ + queryOffset,
            LogSums = all.LogSums + (head * shape.Queries) + query,
            K = all.K + keyOffset,
            V = all.V + keyOffset,
            GradK = all.GradK + keyOffset,
            GradV = all.GradV + keyOffset,
        };
    }

    static void Block(Pointers at, float* gradK, float* gradV, int queries, AttentionShape shape)
    {
        const int width = ScoreBlock.Queries;
        const int block = ScoreBlock.Keys * width;
        var (dim, padded, stride) = (shape.HeadDim, shape.PaddedDim, shape.Stride);
        using var memory = new Workspace((3 * dim * width) + (2 * padded * width) + (2 * block) + (2 * width));
        float* queryColumns = memory.Take(dim * width), gradColumns = memory.Take(dim * width), gradQ = memory.Take(dim * width);
        float* queryRows = memory.Take(padded * width), gradRows = memory.Take(padded * width);
        float* weights = memory.Take(block), gradScores = memory.Take(block);
        float* logSums = memory.Take(width), dots = memory.Take(width);

        ScoreBlock.PackColumns(at.Q, stride, queryColumns, dim, queries, (float)(shape.Scale / Math.Log(2)));
        ScoreBlock.PackColumns(at.GradResult, stride, gradColumns, dim, queries, 1);
        PadRows(at.Q, stride, queryRows, dim, padded, queries);
        PadRows(at.GradResult, stride, gradRows, dim, padded, queries);
        for (var query = 0; query < width; query++)
        {
            // Weights of queries that are not there become 0.
            logSums[query] = query < queries ? at.LogSums[query] : float.PositiveInfinity;
            dots[query] = query < queries ? Dot(at.Result + (query * stride), at.GradResult + (query * stride), dim) : 0;
        }

        new Span<float>(gradQ, (int)(dim * width)).Clear();
        for (var first = 0L; first < shape.Keys; first += ScoreBlock.Keys)
        {
            var keys = (int)Math.Min(ScoreBlock.Keys, shape.Keys - first);
            float* k = at.K + (first * stride), v = at.V + (first * stride);
            ScoreBlock.Multiply(k, stride, queryColumns, weights, dim, keys);
            ScoreBlock.Multiply(v, stride, gradColumns, gradScores, dim, keys);
            Differentiate(weights, gradScores, keys, logSums, dots, (float)shape.Scale);
            ScoreBlock.AddTransposed(k, stride, gradScores, gradQ, dim, keys);
            ScoreBlock.AddProduct(gradScores, queryRows, gradK + (first * padded), padded, keys);
            ScoreBlock.AddProduct(weights, gradRows, gradV + (first * padded), padded, keys);
        }

        ScoreBlock.UnpackColumns(gradQ, at.GradQ, stride, dim, queries);
    }

    // Scores become weights; gradients of weights become gradients of unscaled scores.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Differentiate(float* scores, float* gradients, int keys, float* logSums, float* dots, float scale)
    {
        const int width = ScoreBlock.Queries;
        for (var lane = 0; lane < width; lane += Lanes)
        {
            var (logSum, dot) = (Vector512.Load(logSums + lane), Vector512.Load(dots + lane));
            for (var key = 0; key < keys; key++)
            {
                var at = (key * width) + lane;
                var weight = ScoreBlock.Exp2(Vector512.Load(scores + at) - logSum);
                weight.Store(scores + at);
                (weight * scale * (Vector512.Load(gradients + at) - dot)).Store(gradients + at);
            }
        }
    }

    static void PadRows(float* rows, long stride, float* result, long dim, long padded, int count)
    {
        new Span<float>(result, (int)(padded * ScoreBlock.Queries)).Clear();
        for (var q = 0; q < count; q++) new ReadOnlySpan<float>(rows + (q * stride), (int)dim).CopyTo(new Span<float>(result + (q * padded), (int)dim));
    }

    static float Dot(float* a, float* b, long count)
    {
        var sum = Vector512<float>.Zero;
        var i = 0L;
        for (; i + Lanes <= count; i += Lanes) sum = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), sum);
        var rest = 0f;
        for (; i < count; i++) rest += a[i] * b[i];
        return Vector512.Sum(sum) + rest;
    }

    static void AddParts(Pointers at, float* sums, long parts, long sumSize, AttentionShape shape)
    {
        for (var key = 0L; key < shape.Keys; key++)
            for (var i = 0L; i < shape.HeadDim; i++)
            {
                float gradK = 0, gradV = 0;
                for (var part = 0L; part < parts; part++)
                {
                    var own = sums + (part * 2 * sumSize) + (key * shape.PaddedDim) + i;
                    gradK += own[0];
                    gradV += own[sumSize];
                }

                at.GradK[(key * shape.Stride) + i] = gradK;
                at.GradV[(key * shape.Stride) + i] = gradV;
            }
    }
}
