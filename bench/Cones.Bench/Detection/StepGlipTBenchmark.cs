using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Glip;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Head;
using Cones.Models.Glip.Training;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>A search step at GLIP-T's real shape with random weights: the gradient reaches the text's embedding only.</summary>
sealed class StepGlipTBenchmark : IBenchmark
{
    public string Name => "detection-step-glip-t";

    public string Description => "step of GLIP-T's shape at 800 px, batch 1, 20 tokens: concept (random weights), and where its time goes";

    public JsonObject Run(string[] args)
    {
        var height = args.Length > 0 ? int.Parse(args[0]) : 800;
        var width = args.Length > 1 ? int.Parse(args[1]) : 1066;
        var tokens = args.Length > 2 ? int.Parse(args[2]) : 20;
        var repetitions = args.Length > 3 ? int.Parse(args[3]) : 3;
        using var model = GlipShapes.Build(GlipShapes.Tiny, 1);
        using var generator = new Generator(2);
        using var pixels = randn([1, 3, (height + 31) / 32 * 32, (width + 31) / 32 * 32], generator: generator);
        using var hidden = randn([1, tokens, model.Config.Bert.HiddenSize], generator: generator).requires_grad_();
        using var mask = ones(1, tokens, ScalarType.Int64);
        using var boxes = tensor(new float[] { 100, 120, 260, 300, 400, 80, 700, 560, 30, 600, 120, 700 }, [3, 4]);
        using var map = zeros(3, tokens);
        map.select(1, 1).fill_(1);

        MachineReport.Measure();
        PeakMemory.Reset();
        var times = new JsonObject();
        IReadOnlyList<Tensor> levels = [];
        times["backbone_forward"] = Math.Round(Time(repetitions, () =>
        {
            using var noGrad = no_grad();
            foreach (var level in levels) level.Dispose();
            levels = model.EncodeImage(pixels);
        }), 3);
        var anchors = GlipAnchors.Create(model.Config.Anchors, [.. levels.Select(l => new ImageSize((int)l.shape[2], (int)l.shape[3]))]);
        AtssAssignment[] assignments = [new AtssAssigner(model.Config.Loss).Assign(anchors, boxes)];
        var loss = new GlipLoss(model.Config.Loss);

        var step = Time(repetitions, () => Step(model, loss, assignments, levels, hidden, mask, map));
        var peak = PeakMemory.Megabytes();
        MachineReport.Measure();
        foreach (var (name, seconds) in GlipBreakdown.Measure(model, pixels, levels, hidden, mask, repetitions)) times[name] = Math.Round(seconds, 3);
        var flops = new GlipFlops(model.Config, [.. levels.Select(l => l.shape[2] * l.shape[3])], tokens);
        foreach (var level in levels) level.Dispose();

        return new JsonObject
        {
            ["height"] = height,
            ["width"] = width,
            ["tokens"] = tokens,
            ["concept_s"] = Math.Round(step, 3),
            ["utilisation"] = Math.Round(flops.Done / 1e9 / MachineReport.Gemm / step, 3),
            ["gflop"] = Math.Round(flops.Done / 1e9, 1),
            ["gflop_as_published"] = Math.Round(flops.Published / 1e9, 1),
            ["concept_peak_mb"] = Math.Round(peak),
            ["parts_s"] = times,
        };
    }

    /// <summary>The median of some repetitions after one warm-up.</summary>
    internal static double Time(int repetitions, Action step)
    {
        step();
        var times = new List<double>();
        for (var i = 0; i < repetitions; i++)
        {
            var start = Stopwatch.GetTimestamp();
            step();
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            Console.Error.WriteLine($"  {times[^1]:0.000} s");
        }

        times.Sort();
        return times[times.Count / 2];
    }

    static void Step(GlipModel model, GlipLoss loss, AtssAssignment[] assignments, IReadOnlyList<Tensor> levels, Tensor hidden, Tensor mask, Tensor map)
    {
        using var scope = NewDisposeScope();
        loss.Compute(model.Forward(levels, hidden, mask), assignments, map, mask).Total.backward();
        using var noGrad = no_grad();
        hidden.sub_(hidden.grad! * 1e-3);
        hidden.grad!.zero_();
    }
}
