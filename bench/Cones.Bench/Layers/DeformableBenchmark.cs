using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Layers;

/// <summary>
/// Forward and backward pass of the deformable layers at the detectors' shapes: kernels, LibTorch's operations, and the plain
/// arithmetic that cannot be avoided.
/// </summary>
sealed class DeformableBenchmark : IBenchmark
{
    const int Channels = 256;
    const int Heads = 8;
    const int Points = 4;

    // An image of 800 x 1088.
    static readonly (long Height, long Width)[] s_glip = [(100, 136), (50, 68), (25, 34), (13, 17), (7, 9)];

    // An image of 800 x 1066: 17,821 pixels, which are the encoder's queries too.
    static readonly (long Height, long Width)[] s_groundingDino = [(100, 134), (50, 67), (25, 34), (13, 17)];

    public string Name => "deformable";

    public string Description => "deformable convolutions of a GLIP-T layer and deformable attention of a Grounding DINO layer, forward and backward";

    public JsonObject Run(string[] args)
    {
        var repetitions = args.Length > 0 ? int.Parse(args[0]) : 5;
        using var scope = NewDisposeScope();
        MachineReport.Measure();
        var result = new JsonObject();
        Convolutions(result, repetitions);
        Attention(result, repetitions);
        MachineReport.Measure();
        return result;
    }

    // A tower layer's three convolutions of every level: from the finer level, the level itself, the coarser level.
    static void Convolutions(JsonObject result, int repetitions)
    {
        using var scope = NewDisposeScope();
        using var layer = new DeformableConv2d(Channels, Channels);
        using var strided = new DeformableConv2d(Channels, Channels, stride: 2);
        using var plain = new Conv2d(Channels, Channels, 3, padding: 1);
        foreach (var module in (Module[])[layer, strided, plain])
        {
            RandomWeights.Fill(module, 1);
            module.ToChannelsLast();
        }

        Tensor[] maps = [.. s_glip.Select(s => ChannelsLast(Channels, s).requires_grad_())];
        Tensor[] offsets = [.. s_glip.Select(s => (randn(1, 18, s.Height, s.Width) * 2).requires_grad_())];
        Tensor[] masks = [.. s_glip.Select(s => rand(1, 9, s.Height, s.Width).requires_grad_())];
        var calls = new List<(DeformableConv2d Layer, Tensor X, Tensor Offset, Tensor Mask)>();
        for (var i = 0; i < s_glip.Length; i++)
        {
            calls.Add((layer, maps[i], offsets[i], masks[i]));
            if (i > 0) calls.Add((strided, maps[i - 1], offsets[i], masks[i]));
            if (i < s_glip.Length - 1) calls.Add((layer, maps[i + 1], FirstOf(offsets[i], maps[i + 1]), FirstOf(masks[i], maps[i + 1])));
        }

        var pixels = calls.Sum(c => c.Offset.shape[2] * c.Offset.shape[3]);
        result["convolution_gflop"] = Math.Round(2 * 2 * 9.0 * Channels * Channels * pixels / 1e9, 1);
        Report(result, "convolution_kernel", repetitions, () => calls.ForEach(c => Backward(c.Layer.Forward(c.X, c.Offset, c.Mask))));
        Report(result, "convolution_operations", Math.Min(repetitions, 2), () => calls.ForEach(c => Backward(c.Layer.TensorOperations(c.X, c.Offset, c.Mask))));
        Report(result, "convolution_plain", repetitions, () => calls.ForEach(c => Backward(plain.Forward(maps.First(m => m.shape[2] == c.Offset.shape[2])))));

        var (columns, matrix) = (randn(4096, 9 * Channels), randn(Channels, 9 * Channels));
        var rows = randn(4096, Channels);
        Report(result, "convolution_gemm", repetitions, () =>
        {
            using var noGrad = no_grad();
            for (var first = 0L; first < pixels; first += 4096)
            {
                var count = Math.Min(4096, pixels - first);
                columns.narrow(0, 0, count).matmul(matrix.t());
                rows.narrow(0, 0, count).matmul(matrix);
            }
        });
    }

    static void Attention(JsonObject result, int repetitions)
    {
        using var scope = NewDisposeScope();
        var queries = s_groundingDino.Sum(s => s.Height * s.Width);
        var value = randn(1, queries, Heads, Channels / Heads).requires_grad_();
        var weights = randn([1, queries, Heads, s_groundingDino.Length * Points]).softmax(-1).view(1, queries, Heads, s_groundingDino.Length, Points).detach().requires_grad_();

        // A query reads within a few pixels of its own place.
        var centers = cat([.. s_groundingDino.Select(s => stack([.. meshgrid([(arange(s.Height) + 0.5) / s.Height, (arange(s.Width) + 0.5) / s.Width]).Reverse()], -1).view(-1, 2))]); // [Q, 2]
        var sizes = tensor(s_groundingDino.SelectMany(s => (float[])[s.Width, s.Height]).ToArray()).view(1, 1, 1, -1, 1, 2);
        var locations = (centers.view(1, queries, 1, 1, 1, 2) + (randn([1, queries, Heads, s_groundingDino.Length, Points, 2]) * 3 / sizes)).detach().requires_grad_();

        Report(result, "attention_kernel", repetitions, () => Backward(DeformableAttention.Sample(value, s_groundingDino, locations, weights)));
        Report(result, "attention_operations", Math.Min(repetitions, 2), () => Backward(DeformableAttention.TensorOperations(value, s_groundingDino, locations, weights)));

        // The layer's projections: values, offsets, weights, output.
        var x = randn(queries, Channels).requires_grad_();
        Linear[] projections = [.. ((int[])[Channels, Heads * s_groundingDino.Length * Points * 2, Heads * s_groundingDino.Length * Points, Channels]).Select(n => new Linear(Channels, n))];
        foreach (var projection in projections) RandomWeights.Fill(projection, 1);
        Report(result, "attention_projections", repetitions, () =>
        {
            foreach (var projection in projections) Backward(projection.Forward(x));
        });
        foreach (var projection in projections) projection.Dispose();
    }

    static void Backward(Tensor y)
    {
        using (y) y.backward([ones_like(y)]);
    }

    static Tensor ChannelsLast(long channels, (long Height, long Width) size) => randn(1, size.Height, size.Width, channels).permute(0, 3, 1, 2);

    static Tensor FirstOf(Tensor map, Tensor like)
    {
        var (channels, height, width) = (map.shape[1], like.shape[2], like.shape[3]);
        return map.detach().reshape(1, -1).narrow(1, 0, channels * height * width).view(1, channels, height, width).clone().requires_grad_();
    }

    static void Report(JsonObject result, string what, int repetitions, Action action)
    {
        Step();
        var times = new List<double>();
        for (var i = 0; i < repetitions; i++)
        {
            var start = Stopwatch.GetTimestamp();
            Step();
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        times.Sort();
        Console.Error.WriteLine($"  {what}: {string.Join(" ", times.Select(t => $"{t:0.000}"))} s");
        result[$"{what}_s"] = Math.Round(times[times.Count / 2], 4);

        void Step()
        {
            using var scope = NewDisposeScope();
            action();
        }
    }
}
