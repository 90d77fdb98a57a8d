using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Losses;
using Cones.Models.GroundingDino.Text;
using Cones.Models.GroundingDino.Vision;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>A search step at Grounding DINO tiny's real shape with random weights: forward, mmdet's loss, gradient of the text features.</summary>
sealed class StepGroundingDinoTinyBenchmark : IBenchmark
{
    const int Phrases = 5;

    public string Name => "detection-step-grounding-dino-tiny";

    public string Description => "step of Grounding DINO tiny's shape at 800 px, 20 tokens, batch 1 (random weights)";

    /// <param name="args">Pixels on a side (800), repetitions (3), tokens (20).</param>
    public JsonObject Run(string[] args)
    {
        var side = args.Length > 0 ? int.Parse(args[0]) : 800;
        var repetitions = args.Length > 1 ? int.Parse(args[1]) : 3;
        var tokens = args.Length > 2 ? int.Parse(args[2]) : 20;
        using var model = GroundingDinoShapes.RandomTiny(1);
        using var generator = new Generator(2);
        using var pixels = randn([1, 3, side, side], generator: generator);
        using var masks = TextMasks.OfPhrases([.. Enumerable.Repeat(tokens / Phrases, Phrases)]);
        using var concept = randn([1, masks.Tokens.shape[1], model.Config.DModel], generator: generator).requires_grad_();
        using var boxes = (rand([Phrases, 4], generator: generator) * 0.3) + 0.2;
        using var map = eye(Phrases).repeat_interleave(tokens / Phrases, 1);
        DetectionTarget[] targets = [new(boxes, map, new ImageSize(side, side))];

        MachineReport.Measure();
        ImageFeatures? image = null;
        var encodeSeconds = StepTimer.Median(repetitions, () =>
        {
            image?.Dispose();
            using var noGrad = no_grad();
            image = model.EncodeImage(pixels);
        });
        var parts = new Dictionary<string, List<double>>();
        PeakMemory.Reset();
        var seconds = StepTimer.Median(repetitions, () => Step(model, image!, concept, masks, targets, parts));
        var peak = PeakMemory.Megabytes();
        MachineReport.Measure();
        var breakdown = GroundingDinoBreakdown.Measure(model, image!, concept, masks, repetitions);
        MachineReport.Measure();

        var flops = new GroundingDinoFlops(model.Config, image!.Levels, tokens);
        var result = new JsonObject
        {
            ["pixels"] = side,
            ["positions"] = image.Levels.Sum(l => l.Count),
            ["tokens"] = tokens,
            ["concept_s"] = Math.Round(seconds, 3),
            ["encode_image_s"] = Math.Round(encodeSeconds, 3),
            ["utilisation"] = Math.Round(flops.Gemm / MachineReport.Gemm / 1e9 / seconds, 3),
            ["concept_peak_mb"] = Math.Round(peak),
            ["gemm_gflop"] = Math.Round(flops.Gemm / 1e9, 1),
            ["attention_gflop"] = Math.Round(flops.Attention / 1e9, 1),
            ["sampling_gflop"] = Math.Round(flops.Sampling / 1e9, 1),
        };
        foreach (var (part, times) in parts) result[$"{part}_s"] = Math.Round(StepTimer.MedianOf(times), 3);
        result["parts"] = breakdown;
        image.Dispose();
        return result;
    }

    static void Step(
        GroundingDinoModel model, ImageFeatures image, Tensor concept, TextMasks masks, DetectionTarget[] targets, Dictionary<string, List<double>> parts)
    {
        using var scope = NewDisposeScope();
        var start = Stopwatch.GetTimestamp();
        var output = model.Forward(image, concept, masks);
        Note("forward");
        var loss = new GroundingDinoLoss().Compute(output, masks.Tokens, targets);
        Note("loss");
        var gradient = autograd.grad([loss.Total], [concept])[0];
        Note("backward");
        if (!gradient.isfinite().all().item<bool>()) throw new InvalidOperationException("the gradient is not finite");

        void Note(string part)
        {
            if (!parts.TryGetValue(part, out var times)) parts[part] = times = [];
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            start = Stopwatch.GetTimestamp();
        }
    }
}
