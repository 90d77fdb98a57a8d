using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Layers;
using Cones.Models.Sam;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Segmentation;

/// <summary>SAM's image encoder at its real shape with random weights, and a gradient step of prompt embeddings through the decoder.</summary>
sealed class SamEncoderBenchmark : IBenchmark
{
    public string Name => "segmentation-encoder-sam";

    public string Description => "SAM at 1024 px: image encoder, and decoder step on a cached embedding (random weights; base, large or huge)";

    public JsonObject Run(string[] args)
    {
        var config = (args.Length > 0 ? args[0] : "base") switch
        {
            "base" => SamConfig.Base,
            "large" => SamConfig.Large,
            "huge" => SamConfig.Huge,
            _ => throw new ArgumentException($"'{args[0]}' is not base, large or huge"),
        };
        var repetitions = args.Length > 1 ? int.Parse(args[1]) : 3;
        using var model = new SamModel(config);
        RandomWeights.Fill(model, 1);
        model.ToChannelsLast();
        var flops = new SamFlops(config.Vision);
        using var generator = new Generator(2);
        using var pixels = randn([1, 3, config.Vision.ImageSize, config.Vision.ImageSize], generator: generator);
        using var concept = randn([1, 1, 4, config.MaskDecoder.HiddenSize], generator: generator).requires_grad_();

        MachineReport.Measure();
        PeakMemory.Reset();
        Tensor? embedding = null;
        var encoder = Best(repetitions, () =>
        {
            using var noGrad = no_grad();
            embedding?.Dispose();
            embedding = model.EncodeImage(pixels);
        });
        var peak = PeakMemory.Megabytes();
        MachineReport.Measure();
        var step = Best(5 * repetitions, () =>
        {
            using var scope = NewDisposeScope();
            autograd.grad([model.Decode(embedding!, multimaskOutput: false, extraSparse: concept).PredMasks.square().mean()], [concept]);
        });
        embedding!.Dispose();
        MachineReport.Measure();
        return new JsonObject
        {
            ["encoder_s"] = Math.Round(encoder, 3),
            ["encoder_gflop"] = Math.Round(flops.Total / 1e9, 1),
            ["encoder_attention_gflop"] = Math.Round(flops.Attention / 1e9, 1),
            ["encoder_gflops"] = Math.Round(flops.Total / encoder / 1e9, 1),
            ["encoder_to_gemm"] = Math.Round(flops.Total / encoder / 1e9 / MachineReport.Gemm, 3),
            ["encoder_peak_mb"] = Math.Round(peak),
            ["decoder_step_s"] = Math.Round(step, 4),
        };
    }

    // The least of some repetitions after one warm-up: other programs only ever slow it down.
    static double Best(int repetitions, Action work)
    {
        work();
        var best = double.PositiveInfinity;
        for (var i = 0; i < repetitions; i++)
        {
            var start = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            Console.Error.WriteLine($"  {Stopwatch.GetElapsedTime(start).TotalSeconds:0.000} s");
        }

        return best;
    }
}
